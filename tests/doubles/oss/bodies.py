"""Bodies on the disk: received in blocks, never whole in memory, put together without copying."""

import hashlib
import os
import socket
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.doubles.oss import crc64

BLOCK_BYTES: Final = 256 * 1024


class IncomingBody(Protocol):
    """What a client sends."""

    def blocks(self) -> Iterator[memoryview]:
        """Give the body's blocks; each is overwritten by the next.

        Raises ConnectionError if the client goes away before the end.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBody:
    """Bytes on the disk: the contents of some files, one after the other."""

    files: tuple[tuple[Path, int], ...]
    """Paths and sizes in bytes."""
    size_bytes: int
    crc64: int
    md5: bytes
    """Empty where nobody asked for it."""

    def send(self, connection: socket.socket, start: int, end: int) -> None:
        """Send the bytes [start, end)."""
        for path, size in self.files:
            if start < size and end > 0:
                _send_file(connection, path, max(start, 0), min(end, size))
            start, end = start - size, end - size

    def delete(self) -> None:
        """Delete the files."""
        for path, _ in self.files:
            path.unlink(missing_ok=True)


def receive(body: IncomingBody, folder: Path, *, with_md5: bool) -> StoredBody:
    """Write a body to a new file; a body that breaks off leaves none."""
    path = folder / uuid.uuid4().hex
    crc, size, md5 = 0, 0, hashlib.md5(usedforsecurity=False)
    try:
        with path.open("xb", buffering=0) as file:
            for block in body.blocks():
                file.write(block)
                crc = crc64.extended(crc, block)
                size += len(block)
                if with_md5:
                    md5.update(block)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    digest = md5.digest() if with_md5 else b""
    return StoredBody(files=((path, size),), size_bytes=size, crc64=crc, md5=digest)


def joined(bodies: Sequence[StoredBody]) -> StoredBody:
    """Put bodies together, in order."""
    crc = 0
    for body in bodies:
        crc = crc64.combined(crc, body.crc64, body.size_bytes)
    return StoredBody(
        files=tuple(file for body in bodies for file in body.files),
        size_bytes=sum(body.size_bytes for body in bodies),
        crc64=crc,
        md5=b"",
    )


def damaged(body: StoredBody) -> StoredBody:
    """Flip a bit in the middle of a received body's file; the CRC is that of what is there now."""
    path, size = body.files[0]
    content = bytearray(path.read_bytes())
    if content:
        content[size // 2] ^= 1
        path.write_bytes(content)
    return StoredBody(
        files=body.files, size_bytes=size, crc64=crc64.extended(0, content), md5=body.md5
    )


def _send_file(connection: socket.socket, path: Path, start: int, end: int) -> None:
    with path.open("rb") as file:
        while start < end:
            start += os.sendfile(connection.fileno(), file.fileno(), start, end - start)
