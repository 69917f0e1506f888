"""A table of Arrow gives the file that its values give one by one."""

import itertools
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowferry._core import CsvWriter, Schema, SpoolLog
from rowferry.client.arrow_table import ArrowTable
from rowferry.client.cells import RowShape
from rowferry.client.errors import InvalidRequestError, InvalidRowError, LimitedError
from rowferry.client.packing import PackedRows, RowPacker
from tests.unit.core.exporting import make_schema

MESSAGE_BYTES: Final = 2**20
TEXTS: Final = st.text(st.sampled_from('aZ0",;\r\n\té訂😀 '), max_size=20)
MOMENTS: Final = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001
NANOSECOND_MOMENTS: Final = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001


WIDE: Final = Context(prec=80)


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    bound = 10**precision - 1
    return st.integers(-bound, bound).map(lambda unscaled: Decimal(unscaled).scaleb(-scale, WIDE))


COLUMNS: Final[Sequence[tuple[Any, st.SearchStrategy[Any]]]] = [
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.string_view(), TEXTS),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["new", 'p"aid', ""])),
    (pa.dictionary(pa.uint32(), pa.large_string()), st.sampled_from(["a", "b"])),
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-(2**7), 2**7 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint16(), st.integers(0, 2**16 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    (pa.decimal32(5, 2), decimals(5, 2)),
    (pa.decimal128(38, 10), decimals(38, 10)),
    (pa.decimal128(9, 9), decimals(9, 9)),
    (pa.decimal256(70, 30), decimals(70, 30)),
    (pa.decimal256(12, -3), decimals(12, -3)),
    (pa.date32(), st.dates()),
    (pa.date64(), st.dates()),
    (pa.time32("s"), st.times().map(lambda value: value.replace(microsecond=0))),
    (pa.time64("us"), st.times()),
    (pa.time64("ns"), st.times()),
    (pa.timestamp("s"), MOMENTS.map(lambda value: value.replace(microsecond=0))),
    (pa.timestamp("ms"), MOMENTS.map(lambda value: value.replace(microsecond=125_000))),
    (pa.timestamp("us"), MOMENTS),
    (pa.timestamp("ns"), NANOSECOND_MOMENTS),
    (pa.timestamp("us", "UTC"), MOMENTS.map(lambda value: value.replace(tzinfo=UTC))),
    (
        pa.timestamp("us", "Europe/Berlin"),
        st.datetimes(datetime(1950, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
            lambda value: value.replace(tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
        ),
    ),
    (
        pa.timestamp("us", "+05:45"),
        MOMENTS.map(lambda value: value.replace(tzinfo=timezone(timedelta(hours=5, minutes=45)))),
    ),
    (pa.null(), st.none()),
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[pa.Table, list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4))
    cells = st.tuples(*(st.one_of(st.none(), values) for _, values in kinds))
    rows = draw(st.lists(cells, max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    schema = pa.schema([(f"c{index}", kind) for index, (kind, _) in enumerate(kinds)])
    edges = [0, *cuts, len(rows)]
    pieces = [rows[start:end] for start, end in itertools.pairwise(edges)]
    batches = [batch_of(piece, schema) for piece in pieces]
    first = draw(st.integers(0, len(rows)))
    table = pa.Table.from_batches(batches, schema=schema).slice(first)
    return table, [list(row) for row in rows[first:]]


def batch_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    # A row in front that is sliced away: offsets that are not 0.
    columns = [
        pa.array([None, *(row[index] for row in rows)], field.type)
        for index, field in enumerate(schema)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema).slice(1)


@given(tables(), st.sampled_from(["", "Asia/Shanghai"]), st.integers(1, 2000))
@settings(max_examples=300, deadline=None)
def test_a_table_gives_the_file_of_its_values(
    made: tuple[pa.Table, list[list[Any]]], zone: str, batch_bytes: int
) -> None:
    table, rows = made
    arrow = ArrowTable(table, with_offsets=bool(zone))
    letters = "".join(column.type[0] for column in arrow.columns)
    schema = make_schema("CSV", letters, timezone=zone)
    groups = arrow.batches(max_message_bytes=MESSAGE_BYTES, batch_bytes=batch_bytes)
    packed = [batch for group in groups for batch in group]
    assert sum(batch.rows or 0 for batch in packed) == len(rows)
    assert file_of(schema, packed) == file_of(schema, packed_values(rows, len(letters), zone))


def packed_values(rows: Iterable[Any], columns: int, zone: str) -> list[PackedRows]:
    shape = RowShape(keys=tuple(f"c{index}" for index in range(columns)), with_offsets=bool(zone))
    packer = RowPacker(shape, max_message_bytes=MESSAGE_BYTES)
    return [*packer.pack(rows), *packer.cut()]


def file_of(schema: Schema, batches: Sequence[PackedRows]) -> bytes:
    log = SpoolLog.create(schema, None)
    appended = log.append([(batch.encoded, 0) for batch in batches])
    if appended.refused is not None:
        raise appended.refused
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        writer = CsvWriter(schema, path)
        writer.write(log.reader().read(1 << 30))
        writer.finish()
        return path.read_bytes()


def texts_of(table: object, types: str) -> str:
    groups = ArrowTable(table, with_offsets=False).batches(max_message_bytes=MESSAGE_BYTES)
    batches = [batch for group in groups for batch in group]
    return file_of(make_schema("CSV", types), batches).decode().partition("\r\n")[2]


def test_columns_are_named_and_typed_by_the_schema() -> None:
    table = pa.table(
        {
            "Name": ["a"],
            "Amount": [Decimal("1.10")],
            "Day": [date(2026, 3, 1)],
            "At": [datetime(2026, 3, 1, 12)],  # noqa: DTZ001
            "Paid": [True],
            "Clock": [time(12)],
        }
    )
    columns = ArrowTable(table, with_offsets=False).columns
    assert [(column.name, column.type) for column in columns] == [
        ("Name", "string"),
        ("Amount", "number"),
        ("Day", "date"),
        ("At", "date"),
        ("Paid", "boolean"),
        ("Clock", "string"),
    ]


def test_floats_of_32_and_16_bits_have_no_more_digits_than_they_hold() -> None:
    table = pa.table(
        {"A": pa.array([0.1, None], pa.float32()), "B": pa.array([0.5, 1], pa.float16())}
    )
    assert texts_of(table, "nn") == "0.1,0.5\r\n,1.0\r\n"


def test_nanoseconds_are_kept() -> None:
    table = pa.table({"A": pa.array([1, 1_000], pa.timestamp("ns"))})
    assert (
        texts_of(table, "d") == "1970-01-01T00:00:00.000000001\r\n1970-01-01T00:00:00.000001\r\n"
    )


def test_a_polars_frame_is_a_table() -> None:
    frame = pl.DataFrame(
        {
            "text": ["a", None, ""],
            "category": pl.Series(["x", None, "y"], dtype=pl.Categorical),
            "number": [1.5, None, -2.0],
            "time": [time(1, 2, 3), None, None],
        }
    )
    assert texts_of(frame.slice(0, 3), "ssns") == 'a,x,1.5,01:02:03\r\n,,,\r\n"",y,-2.0,\r\n'


def test_runs_and_extension_types_are_what_they_wrap() -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", None]))
    documents = pa.ExtensionArray.from_storage(pa.json_(pa.string()), pa.array(["{}", None, "[]"]))
    assert texts_of(pa.table({"A": runs, "B": documents}), "ss") == "a,{}\r\na,\r\n,[]\r\n"


def test_a_table_without_rows_gives_no_batch() -> None:
    table = pa.table({"A": pa.array([], pa.string())})
    groups = ArrowTable(table, with_offsets=False).batches(max_message_bytes=MESSAGE_BYTES)
    assert [batch for group in groups for batch in group] == []


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int8()),
        pa.struct([("a", pa.int8())]),
        pa.binary(),
        pa.duration("s"),
        pa.timestamp("s", "Mars/Base"),
    ],
)
def test_a_type_that_no_cell_can_hold_is_refused_by_the_name_of_its_column(kind: object) -> None:
    table = pa.table({"good": pa.array([1]), "bad": pa.array([None], kind)})
    with pytest.raises(InvalidRequestError) as raised:
        ArrowTable(table, with_offsets=False)
    assert raised.value.context["key"] == "bad"
    assert raised.value.context["got"] == str(kind)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_finite_number_is_refused_with_row_and_column(value: float) -> None:
    table = pa.table({"A": ["x"] * 3, "B": [1.0, 2.0, value]})
    with pytest.raises(InvalidRowError) as raised:
        texts_of(table, "sn")
    assert raised.value.context["row"] == "3"
    assert raised.value.context["column"] == "1"


def test_text_that_is_no_utf_8_is_refused_with_row_and_column() -> None:
    foreign = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")]
    )
    with pytest.raises(InvalidRowError) as raised:
        texts_of(pa.table({"A": foreign}), "s")
    assert raised.value.context["row"] == "2"


def test_a_row_longer_than_a_message_is_refused() -> None:
    with pytest.raises(LimitedError) as raised:
        texts_of(pa.table({"A": ["a", "x" * MESSAGE_BYTES]}), "s")
    assert raised.value.code == "TOO_LARGE"
    assert raised.value.context["row"] == "2"


def test_as_many_columns_are_wanted_as_the_table_has() -> None:
    arrow = ArrowTable(pa.table({"A": [1]}), with_offsets=False)
    arrow.check_columns(["Number"])
    with pytest.raises(InvalidRequestError):
        arrow.check_columns(["Number", "Name"])
