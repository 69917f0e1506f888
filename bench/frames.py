"""Files of encoded RecordBatch messages.

A frame is the message's length and its count of rows, each 4 bytes big-endian, then the message.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HEAD: Final = struct.Struct(">II")


def read_batches(path: Path) -> Iterator[bytes]:
    """Give the messages of a file."""
    with path.open("rb") as file:
        while head := file.read(HEAD.size):
            size, _ = HEAD.unpack(head)
            yield file.read(size)


def payload_bytes(path: Path) -> int:
    """Give the bytes of all messages of a file."""
    return sum(map(len, read_batches(path)))
