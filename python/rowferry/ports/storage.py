"""The file becomes an object: what a storage is asked to do.

All of it is blocking and thread-safe. Failures are ``StorageFault`` with the kind that says what
helps, DISK_FULL, or NOT_FOUND where that is said; nothing is tried again inside a storage, and no
deadline is kept but the connection's own: retries, deadlines and concurrency are the caller's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rowferry.domain.storage_fault import FaultKind, StorageFault


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObject:
    """What an object is to be, but for its bytes."""

    key: str
    content_type: str
    content_disposition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What a storage knows of an object; ``crc64`` (CRC-64/XZ) is None where it can't tell."""

    key: str
    size_bytes: int
    content_type: str
    content_disposition: str
    crc64: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """One line of a listing; ``modified_at`` is by the storage's clock."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A multipart upload under way; ``started_at`` is known of listed ones only."""

    key: str
    upload_id: str
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that the storage has; ``etag`` is the storage's own name of its content."""

    number: int  # from 1
    size_bytes: int
    etag: str
    crc64: int | None = None


class PartSource(Protocol):
    """Bytes of a file on their way: what HTTP libraries read a body from."""

    def __len__(self) -> int:
        """Give the bytes from the start, whatever has been read."""

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, b"" at the end; raise OSError when it was stopped meanwhile."""

    def rewind(self) -> None:
        """Start again."""

    @property
    def crc64(self) -> int:
        """CRC-64/XZ of what has been read since the start."""


class ByteStream(Protocol):
    """Bytes of a stored object: blocking."""

    def read(self, max_bytes: int) -> bytes:
        """Give at most ``max_bytes``; b"" at the end."""

    def close(self) -> None:
        """Let go of it."""


class MultipartStorage(Protocol):
    """Uploads in parts: nothing is visible under the key before ``complete``."""

    @property
    def min_part_bytes(self) -> int:
        """The smallest size of a part that is not the last."""

    @property
    def max_parts(self) -> int:
        """How many parts an upload can have."""

    def start(self, new: NewObject) -> Upload:
        """Begin an upload."""

    def put_part(self, upload: Upload, number: int, source: PartSource) -> Part:
        """Send a part, again under the same number if need be; its checksum is compared."""

    def parts(self, upload: Upload) -> Sequence[Part]:
        """List the parts there are, by number; UPLOAD_GONE if the upload is not there."""

    def holds(self, part: Part, source: PartSource) -> bool:
        """Tell whether a listed part has these very bytes; False when it can't be told."""

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        """Make the parts, in order, the object: the commit.

        After TRANSIENT it may have happened or not. UPLOAD_GONE: it may have happened before.
        PART_LOST: nothing has happened. ALREADY_THERE: the key has an object.
        """

    def abort(self, upload: Upload) -> None:
        """Drop an upload and its parts; no error if it is not there (any more)."""

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """List the uploads under way of keys below ``prefix``."""


class ObjectStorage(Protocol):
    """Where files end up."""

    @property
    def multipart(self) -> MultipartStorage | None:
        """Uploads in parts; None where a file is stored whole or not at all."""

    def put(self, path: str, new: NewObject) -> None:
        """Store the file at ``path`` whole, visible only when complete.

        The file may be moved: it may be gone afterwards. An object that is there already is
        replaced, or refused with ALREADY_THERE.
        """

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Write all of an object's tags."""

    def tags(self, key: str) -> Mapping[str, str]:
        """Give an object's tags."""

    def head(self, key: str) -> StoredObject | None:
        """Look an object up; None if it is not there."""

    def delete(self, key: str) -> None:
        """Remove an object; no error if it is not there."""

    def open_range(self, key: str, start: int) -> ByteStream:
        """Open an object's bytes from ``start`` on; raise NOT_FOUND."""

    def signed_url(self, stored: StoredObject, expires_in_seconds: int) -> str | None:
        """Give an address that anybody can GET the object from for so long, as a download.

        Where ``stored`` has no content type, the object's own is sent.

        None: there is no such address, bytes are to be had from ``open_range`` only. No request
        is made but for fresh credentials.
        """

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """List the objects below ``prefix``."""

    def health(self) -> None:
        """Raise unless an object could be stored now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storages:
    """The storages there are by name: new files go to ``primary``, older ones stay where they are.

    ``local`` is always there.
    """

    primary: str
    by_name: Mapping[str, ObjectStorage]

    @property
    def main(self) -> ObjectStorage:
        """Where new files go."""
        return self.by_name[self.primary]

    def named(self, name: str) -> ObjectStorage:
        """Give a storage; raise STORAGE_UNAVAILABLE when it is not configured any more."""
        try:
            return self.by_name[name]
        except KeyError:
            message = f"The storage {name!r} is not configured."
            raise StorageFault(FaultKind.REFUSED, message) from None
