"""Prints the cells of XLSX files as openpyxl reads them.

``python openpyxl_cells.py OUT FILE...``
"""

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]

from tests.readers.cells import Cell, boolean, moment, number, text, write_cells


def main(out: Path, paths: list[Path]) -> None:
    """Print each file's cells into ``out``."""
    for path in paths:
        # The streaming mode: openpyxl's other one needs 50 times the file's size.
        workbook = openpyxl.load_workbook(path, read_only=True)
        sheets = ((sheet.title, _cells(sheet)) for sheet in workbook.worksheets)
        write_cells(out / f"{path.stem}.jsonl", sheets)
        workbook.close()


def _cells(sheet: openpyxl.worksheet.worksheet.Worksheet) -> Iterator[tuple[int, int, Cell]]:
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value is not None:
                yield cell.row, cell.column, _cell(cell.value)


def _cell(value: object) -> Cell:
    match value:
        case bool():
            return boolean(value=value)
        case int() | float():
            return number(value)
        case dt.datetime():
            return moment(value)
        case str():
            return text(value)
        case _:
            return Cell(type(value).__name__, str(value))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
