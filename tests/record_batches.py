"""Rows become encoded RecordBatch messages, the form in which the service takes them."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rowferry.v1.export_pb2 import Record, RecordBatch

BATCH_ROWS: Final = 1000

Row = Sequence[str | None]
"""One text for each column, None = null."""


def encode_rows(rows: Iterable[Row], sequence: int) -> bytes:
    """Encode rows as one batch; ``sequence`` counts from 1, 0 = the service numbers it."""
    records = [_record(row) for row in rows]
    return RecordBatch(records=records, batch_sequence=sequence).SerializeToString()


def encode_csv(csv_rows: bytes, sequence: int) -> bytes:
    """Encode whole CSV records (RFC 4180, UTF-8, no header) as one batch."""
    return RecordBatch(csv_rows=csv_rows, batch_sequence=sequence).SerializeToString()


def row_batches(rows: Iterable[Row], *, batch_rows: int = BATCH_ROWS) -> Iterator[bytes]:
    """Encode any number of rows as batches numbered from 1."""
    remaining = iter(rows)
    for sequence in itertools.count(1):
        taken = list(itertools.islice(remaining, batch_rows))
        if not taken:
            return
        yield encode_rows(taken, sequence)


def _record(row: Row) -> Record:
    values = [value or "" for value in row]
    if None not in row:
        return Record(values=values)
    bitmap = sum(1 << index for index, value in enumerate(row) if value is None)
    length = (bitmap.bit_length() + 7) // 8
    return Record(values=values, null_bitmap=bitmap.to_bytes(length, "little"))
