"""Files of encoded RecordBatch messages.

A frame is the message's length and its count of rows, each 4 bytes big-endian, then the message.
Beside ``NAME`` stands ``NAME.columns``, a line for each column: name, tab, ``DataType``.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

HEAD: Final = struct.Struct(">II")

Columns = tuple[tuple[str, str], ...]
"""Name and ``DataType`` of each."""


def read_batches(path: Path, *, rows: int | None = None) -> Iterator[bytes]:
    """Give the messages of a file: those that hold its first ``rows``, all by default."""
    taken = 0
    with path.open("rb") as file:
        while (rows is None or taken < rows) and (head := file.read(HEAD.size)):
            size, count = HEAD.unpack(head)
            taken += count
            yield file.read(size)


def payload_bytes(path: Path) -> int:
    """Give the bytes of all messages of a file."""
    return sum(map(len, read_batches(path)))


def write_columns(path: Path, columns: Iterable[tuple[str, str]]) -> None:
    """Say what the columns of a file of batches are."""
    lines = "".join(f"{name}\t{kind}\n" for name, kind in columns)
    columns_path(path).write_text(lines, encoding="utf-8")


def read_columns(path: Path) -> Columns:
    """Give the columns of a file of batches."""
    lines = columns_path(path).read_text(encoding="utf-8").splitlines()
    return tuple((name, kind) for name, _, kind in (line.partition("\t") for line in lines))


def columns_path(path: Path) -> Path:
    """Give where the columns of a file of batches stand."""
    return path.with_name(f"{path.name}.columns")
