"""Any rows come back through openpyxl, calamine and Python's csv, but for their limits."""

import csv
import datetime as dt
import re
from pathlib import Path
from typing import Any, Final, TypeAlias

import openpyxl  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from rowferry._core import FileSummary
from tests.unit.core.exporting import make_schema, write

MIDNIGHT: Final = dt.time()
ESCAPE: Final = re.compile("_x([0-9A-Fa-f]{4})_")

TypedRow: TypeAlias = tuple[str | None, str | None, str | None, str | None]

TEXTS: Final = st.text(max_size=40)
DECIMALS: Final = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=5
).map(lambda value: f"{value:f}")
FIRST_MOMENT: Final = dt.datetime(1900, 3, 1)  # noqa: DTZ001 - cells have no zone
MOMENTS: Final = st.datetimes(min_value=FIRST_MOMENT).map(
    lambda moment: moment.replace(microsecond=0).isoformat(sep=" ")
)
BOOLEANS: Final = st.sampled_from(["true", "false"])
ROWS: Final = st.lists(
    st.tuples(
        st.none() | TEXTS,
        st.none() | DECIMALS,
        st.none() | MOMENTS,
        st.none() | BOOLEANS,
    ),
    max_size=8,
)

few_examples = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _write(path: Path, rows: list[TypedRow]) -> FileSummary:
    return write(make_schema("EXCEL" if path.suffix == ".xlsx" else "CSV", "sndb"), path, rows)


@given(rows=ROWS)
@few_examples
def test_rows_come_back_through_openpyxl(rows: list[TypedRow], tmp_path: Path) -> None:
    _write(tmp_path / "file.xlsx", rows)
    sheet = openpyxl.load_workbook(tmp_path / "file.xlsx")["Sheet1"]
    back = list(sheet.iter_rows(min_row=2, max_row=len(rows) + 1, max_col=4, values_only=True))
    assert [(_unescaped(text), *rest) for text, *rest in back][: len(rows)] == [
        _values(row) for row in rows
    ]


@given(rows=ROWS)
@few_examples
def test_rows_come_back_through_calamine(rows: list[TypedRow], tmp_path: Path) -> None:
    _write(tmp_path / "file.xlsx", rows)
    sheet = CalamineWorkbook.from_path(tmp_path / "file.xlsx").get_sheet_by_index(0)
    back = sheet.to_python()[1:]
    expected = [[_in_calamine(value) for value in _values(row)] for row in rows]
    # It ends where the last cell is.
    blank: list[list[Any]] = [[""] * 4] * (len(rows) - len(back))
    assert [[_unescaped(value) for value in row] for row in [*back, *blank]] == expected


@given(rows=ROWS)
@few_examples
def test_rows_come_back_through_pythons_csv(rows: list[TypedRow], tmp_path: Path) -> None:
    _write(tmp_path / "file.csv", rows)
    with (tmp_path / "file.csv").open(encoding="utf-8", newline="") as file:
        _, *back = csv.reader(file, strict=True)
    assert back == [[cell or "" for cell in row] for row in rows]


def _values(row: TypedRow) -> tuple[Any, ...]:
    """Give a row's cells as Python has them."""
    text, decimal, moment, boolean = row
    return (
        text,
        None if decimal is None else float(decimal),
        None if moment is None else dt.datetime.fromisoformat(moment),
        None if boolean is None else boolean == "true",
    )


def _unescaped(value: Any) -> Any:  # noqa: ANN401 - what a reader gives
    """Undo ECMA-376 Part 1 §22.9.2.19, which openpyxl leaves to its callers."""
    if not isinstance(value, str):
        return value
    return ESCAPE.sub(lambda match: chr(int(match[1], 16)), value)


def _in_calamine(value: Any) -> Any:  # noqa: ANN401 - what a reader gives
    match value:
        case None:
            return ""
        case dt.datetime() if value.time() == MIDNIGHT:
            return value.date()
    return value
