"""Objects in memory: for tests, and for services that may forget their files."""

import io
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from rowferry.clock import utc_now
from rowferry.domain.errors import ErrorCode
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.ports import ListedObject, NewObject, Part, PartSource, StoredObject, Upload
from rowferry.storage.object_keys import check_key, not_in_storage

MIN_PART_BYTES: Final = 1
MAX_PARTS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    new: NewObject
    body: bytes
    crc64: int | None
    modified_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _UploadParts:
    new: NewObject
    upload: Upload
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)


class MemoryStorage:
    """An ``ObjectStorage`` that holds every object's bytes until the process ends."""

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self._lock = threading.Lock()
        self._now = now
        self._objects: dict[str, _Object] = {}
        self.multipart: Final = MemoryUploads(self._lock, self._objects, now)

    def put(self, path: str, new: NewObject) -> None:
        """Read the file at ``path`` whole and remove it."""
        check_key(new.key)
        try:
            body = Path(path).read_bytes()
            Path(path).unlink()
        except OSError as error:
            raise StorageFault(
                FaultKind.REFUSED, "The finished file could not be read."
            ) from error
        stored = _Object(new=new, body=body, crc64=None, modified_at=self._now())
        with self._lock:
            self._objects[new.key] = stored

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Write all of an object's tags; raise NOT_FOUND."""
        with self._lock:
            found = self._found(key)
            self._objects[key] = _Object(
                new=found.new,
                body=found.body,
                crc64=found.crc64,
                modified_at=found.modified_at,
                tags=dict(tags),
            )

    def tags(self, key: str) -> Mapping[str, str]:
        """Give an object's tags; raise NOT_FOUND."""
        with self._lock:
            return self._found(key).tags

    def head(self, key: str) -> StoredObject | None:
        """Look an object up."""
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            return None
        return StoredObject(
            key=key,
            size_bytes=len(found.body),
            content_type=found.new.content_type,
            content_disposition=found.new.content_disposition,
            crc64=found.crc64,
        )

    def delete(self, key: str) -> None:
        """Forget an object."""
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def open_range(self, key: str, start: int) -> io.BytesIO:
        """Open an object's bytes from ``start`` on; raise NOT_FOUND."""
        with self._lock:
            stream = io.BytesIO(self._found(key).body)
        stream.seek(start)
        return stream

    def signed_url(self, stored: StoredObject, expires_in_seconds: int) -> None:  # noqa: ARG002
        """Give no address."""
        return

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """List what is there now."""
        with self._lock:
            there = sorted(self._objects.items())
        for key, found in there:
            if key.startswith(f"{prefix}/"):
                yield ListedObject(
                    key=key, size_bytes=len(found.body), modified_at=found.modified_at
                )

    def health(self) -> None:
        """Do nothing: memory is always there."""

    def _found(self, key: str) -> _Object:
        check_key(key)
        found = self._objects.get(key)
        if found is None:
            raise not_in_storage()
        return found


class MemoryUploads:
    """The uploads in parts of a ``MemoryStorage``."""

    min_part_bytes: Final = MIN_PART_BYTES
    max_parts: Final = MAX_PARTS

    def __init__(
        self, lock: threading.Lock, objects: dict[str, _Object], now: Callable[[], datetime]
    ) -> None:
        self._lock = lock
        self._objects = objects
        self._now = now
        self._uploads: dict[str, _UploadParts] = {}
        self._ids = itertools.count(1)

    def start(self, new: NewObject) -> Upload:
        """Begin an upload."""
        check_key(new.key)
        with self._lock:
            upload_id = f"upload-{next(self._ids)}"
            upload = Upload(key=new.key, upload_id=upload_id, started_at=self._now())
            self._uploads[upload_id] = _UploadParts(new=new, upload=upload)
        return upload

    def put_part(self, upload: Upload, number: int, source: PartSource) -> Part:
        """Keep a part's bytes."""
        body = _read(source)
        part = Part(
            number=number, size_bytes=len(body), etag=f"{source.crc64:016x}", crc64=source.crc64
        )
        with self._lock:
            self._found(upload).parts[number] = (part, body)
        return part

    def parts(self, upload: Upload) -> Sequence[Part]:
        """List the parts there are."""
        with self._lock:
            kept = self._found(upload).parts
            return [kept[number][0] for number in sorted(kept)]

    def holds(self, part: Part, source: PartSource) -> bool:
        """Compare size and checksum."""
        return len(_read(source)) == part.size_bytes and source.crc64 == part.crc64

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        """Join the parts."""
        with self._lock:
            found = self._found(upload)
            if upload.key in self._objects:
                raise StorageFault(FaultKind.ALREADY_THERE, "The object is there already.")
            kept = [found.parts.get(part.number) for part in parts]
            bodies = [there[1] for there in kept if there is not None]
            if [there and there[0].etag for there in kept] != [part.etag for part in parts]:
                message = "The storage lacks parts of the upload."
                raise StorageFault(FaultKind.PART_LOST, message, code=ErrorCode.UPLOAD_FAILED)
            self._objects[upload.key] = _Object(
                new=found.new, body=b"".join(bodies), crc64=None, modified_at=self._now()
            )
            del self._uploads[upload.upload_id]

    def abort(self, upload: Upload) -> None:
        """Drop an upload."""
        with self._lock:
            self._uploads.pop(upload.upload_id, None)

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """List the uploads under way."""
        with self._lock:
            under_way = [found.upload for found in self._uploads.values()]
        yield from (upload for upload in under_way if upload.key.startswith(f"{prefix}/"))

    def _found(self, upload: Upload) -> _UploadParts:
        found = self._uploads.get(upload.upload_id)
        if found is None:
            raise StorageFault(FaultKind.UPLOAD_GONE, "There is no such upload.")
        return found


def _read(source: PartSource) -> bytes:
    source.rewind()
    return b"".join(iter(source.read, b""))
