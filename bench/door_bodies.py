"""The rows of the benchmarks as each door takes them, encoded before any clock starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.batch_file import batch_file
from bench.frames import read_batches
from rowferry.v1.export_pb2 import RecordBatch

BATCH_ROWS: Final = 1000
_VARINT_BITS: Final = 7
_NEWLINE: Final = b"\n"


def messages(row_count: int) -> list[bytes]:
    """Give numbered batches of records."""
    return list(read_batches(records_path(row_count)))


def records_path(row_count: int) -> Path:
    """Give the file of the same batches."""
    return batch_file(row_count, BATCH_ROWS)


def frames(row_count: int) -> bytes:
    """Give the batches with their lengths in front."""
    return b"".join(map(_framed, messages(row_count)))


def csv(row_count: int) -> bytes:
    """Give RFC 4180 records without a header."""
    path = batch_file(row_count, BATCH_ROWS, encoding="csv_rows")
    return b"".join(RecordBatch.FromString(message).csv_rows for message in read_batches(path))


def json_lines(row_count: int) -> bytes:
    """Give a JSON array a line."""
    # A batch of one row is a line between brackets; the file is made once.
    path = batch_file(row_count, 1, encoding="json_rows")
    return b"".join(_lines(path))


def _lines(path: Path) -> Iterator[bytes]:
    for message in read_batches(path):
        yield RecordBatch.FromString(message).json_rows[1:-1] + _NEWLINE


def _framed(message: bytes) -> bytes:
    return _varint(len(message)) + message


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >> _VARINT_BITS:
        encoded.append(number & 0x7F | 0x80)
        number >>= _VARINT_BITS
    return bytes([*encoded, number])
