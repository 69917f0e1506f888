"""Tables of Arrow become encoded batches, by the compiled core: no object a row, or a cell.

A table is anything with ``__arrow_c_stream__`` (the Arrow PyCapsule interface), read batch by
batch. pyarrow, the extra ``arrow``, brings the types to the few layouts that the core knows.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ModuleNotFoundError as exc:
    raise ModuleNotFoundError("Tables of Arrow need the extra: rowferry[arrow].") from exc

from rowferry._core import ArrowRows, CoreError
from rowferry.client.errors import InvalidRequestError, refusal
from rowferry.client.packing import BATCH_BYTES, PackedRows
from rowferry.client.spec import Column, ColumnType

SLICE_ROWS: Final = 16 * 2**10
"""The most rows that are encoded at once."""
SLICE_BYTES: Final = 2 * 2**20
"""About the bytes that are encoded at once, where rows are long."""
_OFFSET_BYTES: Final = 8
_NAMELESS_INDEX: Final = re.compile(r"__index_level_\d+__")

_Buffers = tuple[bytes | None, int, bytes, bytes]
_Step = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How the values of one type are read: the core's word for them, and the way there."""

    kind: str
    column_type: ColumnType
    value_bits: int = 0
    steps: tuple[_Step, ...] = ()  # each takes an array and gives another


_BOOLEAN: Final = _Reading(kind="bool", column_type=ColumnType.BOOLEAN, value_bits=1)


class ArrowTable:
    """A table, read once. ``with_offsets`` tells instants by the distance to UTC too."""

    def __init__(self, table: object, *, with_offsets: bool) -> None:
        """Read the schema; raise InvalidRequestError naming a column that no file can have."""
        self._reader = _opened(table)
        fields = shown_fields(self._reader.schema)
        self._places = [place for place, _ in fields]
        self._readings = [
            _reading_of(field.type, field.name, with_offsets=with_offsets) for _, field in fields
        ]
        self.columns: Final[Sequence[Column]] = [
            Column(field.name, reading.column_type)
            for (_, field), reading in zip(fields, self._readings, strict=True)
        ]

    def check_columns(self, columns: Sequence[Column | str]) -> None:
        """Raise InvalidRequestError unless there are as many columns as the table has."""
        if len(columns) != len(self.columns):
            expected, got = f"{len(self.columns)} columns", f"{len(columns)} columns"
            message = f"The table has {expected}, the export {got}."
            context = {"field": "columns", "expected": expected, "got": got}
            raise InvalidRequestError("INVALID_METADATA", message, context)

    def batches(
        self, *, max_message_bytes: int, batch_bytes: int = BATCH_BYTES
    ) -> Iterator[Sequence[PackedRows]]:
        """Give the rows in batches of about ``batch_bytes``, however they lie in the table.

        They come in groups, some milliseconds apart, most of them without the GIL. Raises
        InvalidRowError for a value that no cell can have, LimitedError for a row that is longer
        than a message.
        """
        kinds = [reading.kind for reading in self._readings]
        rows = ArrowRows(kinds, batch_bytes=batch_bytes, max_message_bytes=max_message_bytes)
        try:
            for piece in self._pieces():
                buffers = [
                    _buffers(column, reading)
                    for column, reading in zip(piece.columns, self._readings, strict=True)
                ]
                yield _packed(rows.push(piece.num_rows, buffers))
            yield _packed(rows.finish())
        except CoreError as exc:
            raise refusal(exc.code, exc.message, exc.context) from exc

    def _pieces(self) -> Iterator[pa.RecordBatch]:
        for batch in self._reader:
            if not batch.num_rows:
                continue
            narrowed = _with_plain_dictionaries([batch.column(place) for place in self._places])
            row_bytes = max(1, batch.nbytes // batch.num_rows)
            step = max(1, min(SLICE_ROWS, SLICE_BYTES // row_bytes))
            for start in range(0, batch.num_rows, step):
                yield narrowed.slice(start, step)


def _packed(messages: Iterable[tuple[bytes, int]]) -> list[PackedRows]:
    return [PackedRows(encoded=message, rows=rows) for message, rows in messages]


def _opened(table: object) -> Any:  # noqa: ANN401  pyarrow has no types
    try:
        return pa.RecordBatchReader.from_stream(table)
    except (pa.ArrowException, ValueError) as exc:
        # pandas, for one, converts all of a frame now; the last of the arguments has no values
        message = f"The table can't be read: {exc.args[-1] if exc.args else exc}"
        context = {"field": "columns", "expected": "a table of Arrow", "got": type(table).__name__}
        raise InvalidRequestError("INVALID_METADATA", message, context) from exc


def shown_fields(schema: pa.Schema) -> list[tuple[int, pa.Field]]:
    """Give a schema's fields with their places, but a pandas index that has no name."""
    index = (schema.pandas_metadata or {}).get("index_columns", ())
    nameless = {name for name in index if isinstance(name, str) and _NAMELESS_INDEX.match(name)}
    return [(place, field) for place, field in enumerate(schema) if field.name not in nameless]


def _with_plain_dictionaries(arrays: Iterable[Any]) -> pa.RecordBatch:
    """Bring the values of dictionaries to a layout that can be looked up in, once a batch."""
    columns = [
        pa.DictionaryArray.from_arrays(column.indices, _plain_texts(column.dictionary))
        if pa.types.is_dictionary(column.type)
        else column
        for column in arrays
    ]
    return pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])


def _plain_texts(values: Any) -> Any:  # noqa: ANN401  pyarrow has no types
    return values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values


def _reading_of(data_type: Any, name: str, *, with_offsets: bool) -> _Reading:  # noqa: ANN401
    """Find how a type is read, through what is wrapped around it."""
    types = pa.types
    if types.is_dictionary(data_type):
        return _after(_decoded, _reading_of(data_type.value_type, name, with_offsets=with_offsets))
    if types.is_run_end_encoded(data_type):
        inner = _reading_of(data_type.value_type, name, with_offsets=with_offsets)
        return _after(pc.run_end_decode, inner)
    if isinstance(data_type, pa.Bool8Type):
        return _after(_truth, _BOOLEAN)
    if isinstance(data_type, pa.BaseExtensionType) and data_type.extension_name != _PERIOD:
        inner = _reading_of(data_type.storage_type, name, with_offsets=with_offsets)
        return _after(_storage, inner)
    reading = _plain_reading(data_type) or _moment_reading(data_type, with_offsets=with_offsets)
    if reading is None:
        message = f"Column {name!r} is of the Arrow type {data_type}, which no cell can hold."
        context = {"field": "columns", "key": name, "expected": _EXPECTED, "got": str(data_type)}
        raise InvalidRequestError("INVALID_METADATA", message, context)
    return reading


_PERIOD: Final = "pandas.period"  # numbers of days, months, … since 1970: nothing for people
_EXPECTED: Final = "text, numbers, booleans, dates or times"


def _plain_reading(data_type: Any) -> _Reading | None:  # noqa: ANN401, PLR0911  type by type
    types = pa.types
    if types.is_null(data_type):
        return _Reading(kind="null", column_type=ColumnType.STRING)
    if types.is_boolean(data_type):
        return _BOOLEAN
    if types.is_signed_integer(data_type):
        return _number("int64", data_type, pa.int64())
    if types.is_unsigned_integer(data_type):
        return _number("uint64", data_type, pa.uint64())
    if types.is_float64(data_type):
        return _number("float64", data_type, pa.float64())
    if types.is_floating(data_type):
        return _number("float32", data_type, pa.float32())
    if types.is_decimal256(data_type):
        kind = f"digits {data_type.scale}"
        return _Reading(kind=kind, column_type=ColumnType.NUMBER, steps=(_digits,))
    if types.is_decimal(data_type):
        wide = pa.decimal128(data_type.precision, data_type.scale)
        return _number(f"decimal128 {data_type.scale}", data_type, wide)
    if _is_text(data_type):
        steps = _cast(data_type, pa.large_string())
        return _Reading(kind="text", column_type=ColumnType.STRING, steps=steps)
    return None


def _moment_reading(data_type: Any, *, with_offsets: bool) -> _Reading | None:  # noqa: ANN401
    types = pa.types
    if types.is_date(data_type):
        steps = _cast(data_type, pa.date32())
        return _Reading(kind="date", column_type=ColumnType.DATE, value_bits=32, steps=steps)
    if types.is_time(data_type):
        unit = data_type.unit if types.is_time64(data_type) else "us"
        steps = _cast(data_type, pa.time64(unit))
        kind = f"time {unit}"
        return _Reading(kind=kind, column_type=ColumnType.STRING, value_bits=64, steps=steps)
    if types.is_timestamp(data_type):
        word = "timestamp-offset" if data_type.tz and with_offsets else "timestamp"
        kind = " ".join(filter(None, (word, data_type.unit, data_type.tz)))
        if not _is_known(kind):
            return None
        return _Reading(kind=kind, column_type=ColumnType.DATE, value_bits=64)
    return None


def _is_known(kind: str) -> bool:
    """Tell whether the core knows the kind: it has no other zones than the IANA database."""
    try:
        ArrowRows([kind], batch_bytes=0, max_message_bytes=0)
    except ValueError:
        return False
    return True


def _number(kind: str, data_type: Any, wide: Any) -> _Reading:  # noqa: ANN401
    steps = _cast(data_type, wide)
    return _Reading(
        kind=kind, column_type=ColumnType.NUMBER, value_bits=wide.bit_width, steps=steps
    )


def _is_text(data_type: Any) -> bool:  # noqa: ANN401
    return any(
        is_kind(data_type)
        for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _after(step: _Step, reading: _Reading) -> _Reading:
    return _Reading(
        kind=reading.kind,
        column_type=reading.column_type,
        value_bits=reading.value_bits,
        steps=(step, *reading.steps),
    )


def _cast(data_type: Any, wanted: Any) -> tuple[_Step, ...]:  # noqa: ANN401
    return () if data_type == wanted else (lambda array: array.cast(wanted),)


def _decoded(array: Any) -> Any:  # noqa: ANN401
    return array.dictionary_decode()


def _storage(array: Any) -> Any:  # noqa: ANN401
    return array.storage


def _truth(array: Any) -> Any:  # noqa: ANN401
    return array.storage.cast(pa.bool_())


def _digits(array: Any) -> Any:  # noqa: ANN401
    """Tell decimals as whole numbers: pyarrow writes small ones with an exponent."""
    whole = pa.decimal256(array.type.precision, 0)
    unscaled = pa.Array.from_buffers(
        whole, len(array), array.buffers(), array.null_count, array.offset
    )
    return unscaled.cast(pa.large_string())


def _buffers(array: Any, reading: _Reading) -> _Buffers:  # noqa: ANN401
    """Give the array's buffers as the core takes them, cut to its rows."""
    for step in reading.steps:
        array = step(array)
    if reading.kind == "null":
        return None, 0, b"", b""
    first, rows = array.offset, len(array)
    validity, values, *data = array.buffers()
    bits = _bits(validity, first, rows) if array.null_count else None
    if reading.value_bits == 1:
        return bits, first % 8, _bits(values, first, rows), b""
    if reading.value_bits:
        width = reading.value_bits // 8
        return bits, first % 8, _cut(values, first * width, rows * width), b""
    offsets = _cut(values, first * _OFFSET_BYTES, (rows + 1) * _OFFSET_BYTES)
    start, end = (
        int.from_bytes(edge, "little") for edge in (offsets[:8], offsets[-_OFFSET_BYTES:])
    )
    return bits, first % 8, _cut(data[0], start, end - start), offsets


def _bits(bitmap: Any, first: int, rows: int) -> bytes:  # noqa: ANN401
    return _cut(bitmap, first // 8, (first % 8 + rows + 7) // 8)


def _cut(buffer: Any, start: int, length: int) -> bytes:  # noqa: ANN401
    if not length:
        return b""  # an array without bytes may lack the buffer
    cut: bytes = buffer.slice(start, length).to_pybytes()
    return cut
