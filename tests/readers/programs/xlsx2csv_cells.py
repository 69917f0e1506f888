"""Prints the cells of XLSX files as xlsx2csv shows them: ``python xlsx2csv_cells.py OUT FILE...``.

All it gives is text: dates in one format, numbers as they are stored.
"""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from xlsx2csv import Xlsx2csv  # type: ignore[import-untyped]

from tests.readers.cells import Cell, text, write_cells


def main(out: Path, paths: list[Path]) -> None:
    """Print each file's cells into ``out``."""
    for path in paths:
        book = Xlsx2csv(
            str(path),
            dateformat="%Y-%m-%dT%H:%M:%S",
            ignore_formats=["float", "percentage"],
            lineterminator="\r\n",
        )
        names = (str(sheet["name"]) for sheet in book.workbook.sheets)
        sheets = ((name, _cells(book, index)) for index, name in enumerate(names, start=1))
        write_cells(out / f"{path.stem}.jsonl", sheets)


def _cells(book: Xlsx2csv, sheet: int) -> Iterator[tuple[int, int, Cell]]:
    shown = io.StringIO(newline="")
    book.convert(shown, sheetid=sheet)
    shown.seek(0)
    for row, values in enumerate(csv.reader(shown, strict=True), start=1):
        for column, value in enumerate(values, start=1):
            if value:
                yield row, column, text(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
