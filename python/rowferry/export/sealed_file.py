"""A finished file and the object it is to be."""

from dataclasses import dataclass
from pathlib import Path

from rowferry.ports import NewObject, ObjectStorage, StoredObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a file goes."""

    storage_name: str
    storage: ObjectStorage
    new: NewObject


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """A finished file: nothing writes it any more."""

    path: Path
    file_bytes: int
    sha256: str
    crc64: int


def is_whole(found: StoredObject, file_bytes: int, crc64: int) -> bool:
    """Tell whether an object is the file, as far as its storage can tell."""
    return found.size_bytes == file_bytes and found.crc64 in {None, crc64}
