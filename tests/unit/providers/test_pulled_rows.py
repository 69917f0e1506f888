"""Batches of any kind become frames that a writer takes."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Column, DataType, ExportSpec, Format, Sheet
from rowferry.ports import Cancellation, CsvRows, JsonRows, RowBatch
from rowferry.providers.pulled_rows import FRAME_ROWS, ProviderCancellation, PulledRows
from rowferry.writers.registry import WriterRegistry, core_formats

COLUMNS = (Column(name="id", data_type=DataType.NUMBER), Column(name="name"))
SPEC = ExportSpec(
    request_id="r",
    format=Format.CSV,
    filename="orders",
    sheets=(Sheet(name="Sheet1", columns=COLUMNS),),
    provider="given",
)


class Given:
    """A provider of given batches; an exception among them is raised."""

    name = "given"
    parameter_schema: Mapping[str, Any] = {"type": "object"}

    def __init__(self, *batches: RowBatch | Exception) -> None:
        self.batches = batches
        self.closed = False

    def columns(self, parameters: Mapping[str, Any]) -> Sequence[Column]:
        return COLUMNS

    def rows(
        self, parameters: Mapping[str, Any], cancellation: Cancellation
    ) -> Iterator[RowBatch]:
        try:
            for batch in self.batches:
                if isinstance(batch, Exception):
                    raise batch
                yield batch
        finally:
            self.closed = True


def _written(folder: Path, *batches: RowBatch) -> list[list[str]]:
    """Write a CSV file of the batches and give its cells, without the header."""
    source = PulledRows(Given(*batches), SPEC)
    writer = WriterRegistry(core_formats(encoder_threads=1)).open(SPEC, str(folder / "file.csv"))
    while frames := source.read(1 << 20):
        writer.write(frames)
    assert writer.finish().rows == source.rows
    assert source.ended
    text = (folder / "file.csv").read_text("utf-8")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def _refusal(*batches: RowBatch | Exception) -> RowferryError:
    source = PulledRows(Given(*batches), SPEC)
    with pytest.raises(RowferryError) as refused:
        list(iter(lambda: source.read(1 << 20), b""))
    return refused.value


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("a,b", "a,b"),
        (None, ""),
        (7, "7"),
        (2**70, str(2**70)),
        (Decimal("12345678901234567890.10"), "12345678901234567890.10"),
        (0.1, "0.1"),
        (float("nan"), "nan"),
        (Decimal("Infinity"), "Infinity"),
        (True, "true"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC), "2024-02-29T01:02:03Z"),
        (b"ab", "YWI="),
        ("null", "null"),
    ],
)
def test_cells_keep_every_digit_and_letter(tmp_path: Path, cell: object, text: str) -> None:
    assert _written(tmp_path, [(1, cell)]) == [["1", text]]


def test_batches_may_be_rows_mappings_json_or_csv(tmp_path: Path) -> None:
    rows = _written(
        tmp_path,
        [[1, "list"], (2, "tuple")],
        [{"name": "mapping", "id": 3}],
        JsonRows(rows=b'[[4,"json"]]'),
        CsvRows(rows=b"5,csv\r\n"),
        [],
    )
    assert rows == [["1", "list"], ["2", "tuple"], ["3", "mapping"], ["4", "json"], ["5", "csv"]]


def test_large_batch_is_cut_into_frames(tmp_path: Path) -> None:
    count = 2 * FRAME_ROWS + 1
    rows = _written(tmp_path, [(number, "x") for number in range(count)])
    assert [row[0] for row in rows] == [str(number) for number in range(count)]


def test_provider_without_rows_gives_none(tmp_path: Path) -> None:
    assert _written(tmp_path) == []


@pytest.mark.parametrize("bad", [object(), [1], {"a": 1}, "\ud800"])
def test_cell_that_no_file_holds_is_named_with_its_row_of_the_export(bad: object) -> None:
    error = _refusal([(1, "a"), (2, "b")], [(3, "c"), (4, bad)])
    assert (error.code, error.context["row"]) == (ErrorCode.INVALID_ROW, "4")
    assert error.context["column"] == "1"


@pytest.mark.parametrize("row", [(1,), (1, "a", "b"), "ab", 5])
def test_row_of_another_shape_is_named(row: object) -> None:
    error = _refusal([(1, "a")], [row])
    assert (error.code, error.context["row"]) == (ErrorCode.INVALID_ROW, "2")


def test_failure_of_a_provider_keeps_its_words_from_clients() -> None:
    error = _refusal([(1, "a")], ValueError("password=secret"))
    assert error.code is ErrorCode.PROVIDER_FAILED
    assert error.context == {"provider": "given"}
    assert "secret" not in error.message
    assert isinstance(error.__cause__, ValueError)


def test_refusal_of_a_provider_reaches_the_client() -> None:
    error = _refusal(RowferryError(ErrorCode.NOT_FOUND, "There is no customer 7."))
    assert (error.code, error.message) == (ErrorCode.NOT_FOUND, "There is no customer 7.")


def test_code_that_is_the_service_own_is_no_provider_s_to_give() -> None:
    error = _refusal(RowferryError(ErrorCode.INVALID_STATE, "as if the task had ended"))
    assert error.code is ErrorCode.PROVIDER_FAILED


def test_iterator_is_closed_before_its_end() -> None:
    provider = Given([(1, "a")], [(2, "b")])
    source = PulledRows(provider, SPEC)
    source.read(1)
    source.close()
    assert provider.closed


def test_hooks_are_called_each_time_and_late_ones_at_once() -> None:
    called: list[str] = []

    class Hooked(Given):
        def rows(
            self, parameters: Mapping[str, Any], cancellation: Cancellation
        ) -> Iterator[RowBatch]:
            cancellation.on_cancel(lambda: called.append("early"))
            yield [(1, "a")]
            assert cancellation.cancelled
            cancellation.on_cancel(lambda: called.append("late"))

    source = PulledRows(Hooked(), SPEC)
    source.read(1)
    source.cancel()
    source.cancel()
    assert called == ["early", "early"]
    assert source.read(1) == b""
    assert called == ["early", "early", "late"]


def test_hook_that_fails_does_not_keep_others_from_being_called() -> None:
    called: list[str] = []
    cancellation = ProviderCancellation()
    cancellation.on_cancel(lambda: 1 / 0)
    cancellation.on_cancel(lambda: called.append("second"))
    with pytest.raises(ZeroDivisionError):
        cancellation.cancel()
    assert called == ["second"]


def test_count_is_asked_of_providers_that_can_tell() -> None:
    class Counting(Given):
        def count(self, parameters: Mapping[str, Any], cancellation: Cancellation) -> int:
            return 12

    assert PulledRows(Counting(), SPEC).count() == 12
    assert PulledRows(Given(), SPEC).count() is None
