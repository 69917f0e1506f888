"""Rows and CSV text become batches that hold exactly the same records."""

import csv
import io
import itertools
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.client.batches import CsvSplitter, CsvSyntaxError, CsvText, encode_rows, row_batches
from rowferry.v1.export_pb2 import RecordBatch

CELLS = st.text(alphabet=st.sampled_from('a,"\n\r;é漢 '), max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=12)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def csv_text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def parsed(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline="")))


def pieces_of(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces: list[bytes] = []
    start = 0
    for size in itertools.cycle(sizes):
        if start >= len(data):
            return pieces
        pieces.append(data[start : start + size])
        start += size
    return pieces


def reader(pieces: list[bytes]) -> Callable[[], Awaitable[bytes]]:
    remaining = iter(pieces)

    async def read_piece() -> bytes:
        return next(remaining, b"")

    return read_piece


async def batches_of(text: CsvText) -> list[RecordBatch]:
    return [RecordBatch.FromString(batch) async for batch in text]


def spans_of(pieces: list[bytes], at_least_bytes: int) -> list[bytes]:
    splitter, spans = CsvSplitter(), []
    for piece in pieces:
        splitter.feed(piece)
        while span := splitter.take(at_least_bytes):
            spans.append(span)
    return [*spans, splitter.finish()]


@given(table=TABLES, sizes=CUTS, at_least_bytes=st.integers(1, 40))
def test_every_cut_lies_between_two_records(
    table: list[list[str]], sizes: list[int], at_least_bytes: int
) -> None:
    text = csv_text(table).encode()
    spans = spans_of(pieces_of(text, sizes), at_least_bytes)
    assert b"".join(spans) == text
    assert [row for span in spans for row in parsed(span)] == table
    assert all(len(span) >= at_least_bytes for span in spans[:-1])


@given(table=TABLES, sizes=CUTS, at_least_bytes=st.integers(1, 40))
def test_cuts_do_not_depend_on_the_pieces(
    table: list[list[str]], sizes: list[int], at_least_bytes: int
) -> None:
    text = csv_text(table).encode()
    assert spans_of(pieces_of(text, sizes), at_least_bytes) == spans_of([text], at_least_bytes)


@given(table=TABLES)
def test_one_byte_is_enough_to_get_each_record(table: list[list[str]]) -> None:
    records = [csv_text([row]).encode() for row in table]
    assert spans_of([csv_text(table).encode()], 1) == [*records, b""]


@given(table=TABLES.filter(bool), sizes=CUTS, batch_bytes=st.integers(1, 60))
async def test_a_csv_text_is_its_header_and_numbered_batches(
    table: list[list[str]], sizes: list[int], batch_bytes: int
) -> None:
    text = CsvText(reader(pieces_of(csv_text(table).encode(), sizes)), batch_bytes=batch_bytes)
    header = await text.header()
    batches = await batches_of(text)
    assert parsed(header) == parsed(csv_text(table[:1]).encode().removesuffix(b"\r\n"))
    assert [row for batch in batches for row in parsed(batch.csv_rows)] == table[1:]
    assert [batch.batch_sequence for batch in batches] == list(range(1, len(batches) + 1))


async def test_batches_are_about_as_large_as_asked() -> None:
    lines = [b"%06d,x\n" % number for number in range(1000)]
    text = CsvText(
        reader([b"".join(lines[i : i + 10]) for i in range(0, 1000, 10)]), batch_bytes=800
    )
    await text.header()
    sizes = [len(batch.csv_rows) for batch in await batches_of(text)]
    assert all(800 <= size < 900 for size in sizes[:-1])


async def test_a_byte_order_mark_is_not_part_of_the_header() -> None:
    text = CsvText(reader([b"\xef\xbb\xbfa,b\r\n", b"1,2"]))
    assert await text.header() == b"a,b"
    assert [batch.csv_rows for batch in await batches_of(text)] == [b"1,2"]


@pytest.mark.parametrize(("data", "header"), [(b"", b""), (b"a,b", b"a,b"), (b"a\n", b"a")])
async def test_a_text_may_end_behind_its_header(data: bytes, header: bytes) -> None:
    text = CsvText(reader([data]))
    assert await text.header() == header
    assert await batches_of(text) == []


async def test_an_open_quote_at_the_end_is_refused() -> None:
    text = CsvText(reader([b'a\n"x\n']))
    await text.header()
    with pytest.raises(CsvSyntaxError, match="quote is open"):
        await batches_of(text)


def test_a_record_without_end_is_refused_before_it_fills_the_memory() -> None:
    splitter = CsvSplitter(max_record_bytes=100)
    splitter.feed(b'short\n"' + b"x" * 90)
    assert splitter.take(10) == b""
    splitter.feed(b"x\n" * 10)
    with pytest.raises(CsvSyntaxError, match="longer than 100 bytes"):
        splitter.take(10)


def test_null_is_a_bit_and_an_empty_text_is_none() -> None:
    row = [None, "", *["x"] * 6, None]
    (record,) = RecordBatch.FromString(encode_rows([row], 7)).records
    assert record.null_bitmap == bytes([0b1, 0b1])
    assert list(record.values) == ["", "", *["x"] * 6, ""]


def test_a_row_without_nulls_has_no_bitmap() -> None:
    batch = RecordBatch.FromString(encode_rows([["a", "b"]], 3))
    assert (batch.records[0].null_bitmap, batch.batch_sequence) == (b"", 3)


@given(rows=st.lists(st.lists(st.text(), min_size=1, max_size=2)), batch_rows=st.integers(1, 5))
def test_row_batches_hold_all_rows_in_order(rows: list[list[str]], batch_rows: int) -> None:
    batches = [RecordBatch.FromString(b) for b in row_batches(rows, batch_rows=batch_rows)]
    assert [list(record.values) for batch in batches for record in batch.records] == rows
    assert [batch.batch_sequence for batch in batches] == list(range(1, len(batches) + 1))
    assert all(len(batch.records) == batch_rows for batch in batches[:-1])
