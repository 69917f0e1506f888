"""Reads a file back with readers that know nothing of the writer, and compares every cell."""

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from rowferry.cli.demo.rows import COLUMNS, HEADER, rows
from rowferry.cli.demo.xlsx_reader import Cell, read_rows

PROGRESS_ROWS: Final = 5000
MAX_EXACT_DIGITS: Final = 15  # what a double surely keeps: longer numbers stay text


class MismatchError(Exception):
    """The file is not what was sent."""


def verify_csv(path: Path, row_count: int, on_rows: Callable[[int], None]) -> int:
    """Compare with Python's csv module; return the cells compared. Null is an empty field."""
    with path.open(encoding="utf-8", newline="") as file:
        wanted = (["" if cell is None else cell for cell in row] for row in rows(row_count))
        return _compare(csv.reader(file, strict=True), wanted, on_rows)


def verify_xlsx(path: Path, row_count: int, on_rows: Callable[[int], None]) -> int:
    """Compare with the reader in this package; return the cells compared."""
    wanted = (_spreadsheet_row(row) for row in rows(row_count))
    return _compare(_padded(read_rows(path)), wanted, on_rows)


def _compare(
    found: Iterator[Sequence[Cell]],
    wanted: Iterable[Sequence[Cell]],
    on_rows: Callable[[int], None],
) -> int:
    for number, (got, want) in enumerate(
        itertools.zip_longest(found, itertools.chain([HEADER], wanted))
    ):
        if got != want:
            raise MismatchError(_difference(number, got, want))
        if number % PROGRESS_ROWS == 0:
            on_rows(number)
    on_rows(number)
    return number * len(HEADER)


def _difference(number: int, got: Sequence[Cell] | None, want: Sequence[Cell] | None) -> str:
    where = f"row {number}" if number else "the header"
    if got is None or want is None:
        return f"{where}: the file has {'fewer' if got is None else 'more'} rows than were sent"
    for name, got_cell, want_cell in itertools.zip_longest(HEADER, got, want):
        if got_cell != want_cell:
            return f"{where}, column {name!r}: sent {want_cell!r}, found {got_cell!r}"
    return f"{where}: sent {len(want)} cells, found {len(got)}"


def _padded(found: Iterator[list[Cell]]) -> Iterator[list[Cell]]:
    """Null cells at the end of a row are not written."""
    for row in found:
        yield row + [None] * (len(HEADER) - len(row))


def _spreadsheet_row(row: Sequence[str | None]) -> list[Cell]:
    return [
        None if text is None else _CELLS[kind](text)
        for text, (_, kind) in zip(row, COLUMNS, strict=True)
    ]


def _number(text: str) -> Cell:
    digits = sum(character.isdigit() for character in text)
    return float(text) if digits <= MAX_EXACT_DIGITS else text


_CELLS: Final[dict[str, Callable[[str], Cell]]] = {
    "STRING": str,
    "NUMBER": _number,
    "DATE": datetime.fromisoformat,
    "BOOLEAN": lambda text: text == "true",
}
