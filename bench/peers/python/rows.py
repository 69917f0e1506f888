"""``RecordBatch`` messages as Python values, by protobuf's C decoder."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Final

from bench.frames import Columns
from bench.peers.python.library import Decoded
from rowferry.v1.export_pb2 import Record, RecordBatch

Value = str | float | bool | date | datetime | None

_DAY_CHARACTERS: Final = 10


def text_rows(message: bytes, _columns: Columns) -> Decoded:
    """Give each row as a list of texts; null is ""."""
    rows = [list(record.values) for record in RecordBatch.FromString(message).records]
    return rows, len(rows)


def text_columns(message: bytes, columns: Columns) -> Decoded:
    """Give each column as a sequence of texts; null is ""."""
    rows, count = text_rows(message, columns)
    return list(zip(*rows, strict=True)), count


def typed_rows(message: bytes, columns: Columns) -> Decoded:
    """Give each row as a list of what its columns' types say; null is None."""
    converters = [_CONVERTERS[kind] for _, kind in columns]
    rows = [
        list(_with_nulls(record, converters))
        if record.null_bitmap
        else [convert(text) for convert, text in zip(converters, record.values, strict=True)]
        for record in RecordBatch.FromString(message).records
    ]
    return rows, len(rows)


def _with_nulls(record: Record, converters: list[Callable[[str], Value]]) -> Iterator[Value]:
    nulls = int.from_bytes(record.null_bitmap, "little")
    for column, (convert, text) in enumerate(zip(converters, record.values, strict=True)):
        yield None if nulls >> column & 1 else convert(text)


def _moment(text: str) -> date:
    if len(text) > _DAY_CHARACTERS:
        return datetime.fromisoformat(text)
    return date.fromisoformat(text)


_CONVERTERS: Final[dict[str, Callable[[str], Value]]] = {
    "STRING": str,
    "NUMBER": float,
    "DATE": _moment,
    "BOOLEAN": "true".__eq__,
}
