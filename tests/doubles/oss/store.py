"""What the double keeps: buckets, objects, uploads in parts."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.doubles.oss.bodies import StoredBody
from tests.doubles.oss.oss_errors import file_already_exists, no_such_bucket, no_such_key
from tests.doubles.oss.oss_errors import no_such_upload as no_such_upload_error


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A whole object; times are seconds since 1970."""

    key: str
    body: StoredBody
    etag: str
    modified_at: float
    headers: Mapping[str, str]
    """What is kept and given back: Content-Type, x-oss-meta-* and the like, lower case."""
    tags: Mapping[str, str]
    in_parts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an upload."""

    number: int
    body: StoredBody
    etag: str
    modified_at: float


@dataclass(slots=True, kw_only=True)
class Upload:
    """An upload in parts, not visible as an object before it is complete."""

    key: str
    upload_id: str
    started_at: float
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    parts: dict[int, Part] = field(default_factory=dict)

    def delete(self) -> None:
        """Delete the parts' files."""
        for part in self.parts.values():
            part.body.delete()


@dataclass(slots=True, kw_only=True)
class Bucket:
    """A bucket; who uses it holds the store's lock."""

    name: str
    created_at: float
    public_read: bool = False
    gone: bool = False
    """Whether requests are answered as if it were not there."""
    lifecycle: bytes = b""
    objects: dict[str, StoredObject] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def object(self, key: str) -> StoredObject:
        """Give an object; raises NoSuchKey."""
        try:
            return self.objects[key]
        except KeyError:
            raise no_such_key(key) from None

    def put(self, stored: StoredObject, *, forbid_overwrite: bool) -> None:
        """Store an object in place of any older one."""
        if forbid_overwrite:
            self.refuse_overwriting(stored.key)
        older = self.objects.get(stored.key)
        self.objects[stored.key] = stored
        if older is not None:
            older.body.delete()

    def refuse_overwriting(self, key: str) -> None:
        """Raise FileAlreadyExists if there is such an object."""
        if key in self.objects:
            raise file_already_exists(key)

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags; raises NoSuchKey."""
        self.objects[key] = replace(self.object(key), tags=tags)

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        older = self.objects.pop(key, None)
        if older is not None:
            older.body.delete()

    def upload(self, key: str, upload_id: str) -> Upload:
        """Give an upload that is neither complete nor aborted; raises NoSuchUpload."""
        upload = self.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise no_such_upload_error(upload_id)
        return upload

    def add_part(self, upload: Upload, part: Part) -> None:
        """Store a part in place of any older one of its number; raises NoSuchUpload."""
        self.upload(upload.key, upload.upload_id)
        older = upload.parts.get(part.number)
        upload.parts[part.number] = part
        if older is not None:
            older.body.delete()

    def clear(self) -> None:
        """Forget all that is in it."""
        for stored in self.objects.values():
            stored.body.delete()
        for upload in self.uploads.values():
            upload.delete()
        self.objects.clear()
        self.uploads.clear()
        self.lifecycle, self.gone = b"", False


class Store:
    """All buckets, and the folder of their bodies."""

    def __init__(self, folder: Path, *, region: str, md5_etags: bool) -> None:
        self.folder: Final = folder
        self.region: Final = region
        self.md5_etags: Final = md5_etags
        self.buckets: Final[dict[str, Bucket]] = {}
        self._lock: Final = threading.RLock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep everybody else off: short, and never while a body comes or goes."""
        with self._lock:
            yield

    @contextmanager
    def bucket(self, name: str) -> Iterator[Bucket]:
        """Give a bucket for the block alone; raises NoSuchBucket."""
        with self._lock:
            bucket = self.buckets.get(name)
            if bucket is None or bucket.gone:
                raise no_such_bucket(name)
            yield bucket

    def clear(self) -> None:
        """Empty all buckets."""
        with self._lock:
            for bucket in self.buckets.values():
                bucket.clear()

    def etag_of(self, body: StoredBody) -> str:
        """Make the ETag, without quotes, of a body that was sent whole."""
        return (body.md5 or body.crc64.to_bytes(16)).hex().upper()


def new_upload_id() -> str:
    return uuid.uuid4().hex.upper()
