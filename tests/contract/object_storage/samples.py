"""What the suites of all storages store, and how they look at it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.file_span import FileSpan
from rowferry.ports import NewObject, ObjectStorage

BODY: Final = b"id,name\r\n" + b"1,\xe5\xbc\xa0\r\n" * 40_000
Storing = Callable[[bytes, NewObject], None]
KEY: Final = "exports/0190a0b0c0d07000800000000000000f/1.csv"
OTHERS: Final = "exports-of-others"  # a prefix that begins with another one


def new_object(key: str = KEY) -> NewObject:
    return NewObject(
        key=key,
        content_type="text/csv; charset=utf-8",
        content_disposition="attachment; filename=\"export.csv\"; filename*=UTF-8''%E5%BC%A0.csv",
    )


def read_all(storage: ObjectStorage, key: str, start: int = 0, block_bytes: int = 65_536) -> bytes:
    stream = storage.open_range(key, start)
    try:
        return b"".join(iter(lambda: stream.read(block_bytes), b""))
    finally:
        stream.close()


def span_of(folder: Path, body: bytes) -> FileSpan:
    """Give a body as what is uploaded; its file is gone from the folder at once."""
    path = folder / f"span-{os.urandom(8).hex()}"
    path.write_bytes(body)
    span = FileSpan(path, 0, len(body))
    path.unlink()
    return span


def crc64_of(folder: Path, body: bytes) -> int:
    """Give the CRC-64/XZ that a storage has to tell of a body, if it tells one."""
    span = span_of(folder, body)
    while span.read():
        pass
    span.close()
    return span.crc64


def kind_of_failure(call: Callable[[], object]) -> FaultKind | None:
    """Do something that a storage may refuse; None if it did it."""
    try:
        call()
    except StorageFault as fault:
        return fault.kind
    return None
