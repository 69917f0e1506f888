"""Prints the cells of XLSX files as calamine reads them.

``python calamine_cells.py OUT FILE...``
"""

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

from python_calamine import CalamineSheet, CalamineWorkbook

from tests.readers.cells import Cell, boolean, moment, number, text, write_cells


def main(out: Path, paths: list[Path]) -> None:
    """Print each file's cells into ``out``."""
    for path in paths:
        workbook = CalamineWorkbook.from_path(path)
        sheets = (
            (name, _cells(workbook.get_sheet_by_name(name))) for name in workbook.sheet_names
        )
        write_cells(out / f"{path.stem}.jsonl", sheets)


def _cells(sheet: CalamineSheet) -> Iterator[tuple[int, int, Cell]]:
    first_row, first_column = sheet.start or (0, 0)
    for row, values in enumerate(sheet.to_python(skip_empty_area=True), start=first_row + 1):
        for column, value in enumerate(values, start=first_column + 1):
            # An empty text and no cell at all look alike here.
            if value != "":
                yield row, column, _cell(value)


def _cell(value: object) -> Cell:
    match value:
        case bool():
            return boolean(value=value)
        case int() | float():
            return number(value)
        case dt.datetime():
            return moment(value)
        case dt.date():
            # A midnight is a date here.
            return moment(dt.datetime.combine(value, dt.time()))
        case str():
            return text(value)
        case _:
            return Cell(type(value).__name__, str(value))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
