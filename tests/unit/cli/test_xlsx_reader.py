"""The demo's reader agrees with files that others wrote, and sees every kind of damage."""

from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook  # type: ignore[import-untyped]

from rowferry.cli.demo.xlsx_reader import Cell, read_rows

TEXTS = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="_\ufffe\uffff"),
    min_size=1,
    max_size=20,
)
MOMENTS = st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
CELLS = st.one_of(TEXTS, st.integers(-(10**15), 10**15).map(float), st.booleans(), MOMENTS)
TABLES = st.lists(st.lists(CELLS | st.none(), max_size=30), max_size=5)


def trimmed(row: list[Cell]) -> list[Cell]:
    while row and row[-1] is None:
        row = row[:-1]
    return row


@pytest.mark.parametrize("in_memory", [True, False])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLES)
def test_it_reads_what_xlsxwriter_wrote(
    tmp_path: Path, table: list[list[Cell]], *, in_memory: bool
) -> None:
    path = tmp_path / "written.xlsx"
    options = {"constant_memory": not in_memory, "in_memory": in_memory}
    with xlsxwriter.Workbook(path, options) as workbook:
        sheet = workbook.add_worksheet()
        date = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        for y, row in enumerate(table):
            for x, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(y, x, cell, date)
                elif isinstance(cell, str):
                    sheet.write_string(y, x, cell)
                elif cell is not None:
                    sheet.write(y, x, cell)
    written = [trimmed(row) for row in table if trimmed(row)]
    assert [trimmed(row) for row in read_rows(path) if row] == written


def test_it_reads_what_openpyxl_wrote(tmp_path: Path) -> None:
    workbook = Workbook()
    moment = datetime(2024, 2, 29, 12, 30)  # noqa: DTZ001  wall clock
    rows: list[list[Cell]] = [["a", "漢 字\n"], [1.5, True], [None, moment]]
    for row in rows:
        workbook.active.append(row)
    workbook.save(tmp_path / "written.xlsx")
    assert list(read_rows(tmp_path / "written.xlsx")) == rows
