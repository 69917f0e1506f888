"""Rows become encoded messages: nulls, numbers of batches."""

from hypothesis import given
from hypothesis import strategies as st

from rowferry.v1.export_pb2 import RecordBatch
from tests.record_batches import encode_rows, row_batches


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
