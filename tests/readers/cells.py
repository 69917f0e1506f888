"""Cells as every reader is asked to print them, so that readers can be compared.

A reader prints a sheet's name as ``["name"]``, then its cells as ``[row, column, kind, value]``,
one JSON array a line. Rows and columns count from 1. A date is its wall-clock time to the
millisecond, which is what a spreadsheet shows at most: ``2026-03-01T10:20:30.250``.
"""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = str | float | bool


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one cell; kinds are text, number, date and boolean."""

    kind: str
    value: Value


Sheet: TypeAlias = dict[tuple[int, int], Cell]
"""Cells by row and column; what is not there is blank."""

Book: TypeAlias = dict[str, Sheet]
"""Sheets by name, in their order."""


class ReaderError(Exception):
    """A reader could not open a file; the text is its own."""


def text(value: str) -> Cell:
    """Give a cell of text."""
    return Cell("text", value)


def number(value: float) -> Cell:
    """Give a cell of a number."""
    return Cell("number", float(value))


def boolean(*, value: bool) -> Cell:
    """Give a cell of a truth value."""
    return Cell("boolean", value)


def date(value: str) -> Cell:
    """Give a cell of an ISO 8601 date, or date and time."""
    return moment(dt.datetime.fromisoformat(value))


def moment(value: dt.datetime) -> Cell:
    """Give a cell of a wall-clock time, rounded to the millisecond."""
    rounded = value + dt.timedelta(microseconds=500)
    return Cell("date", rounded.isoformat(timespec="milliseconds"))


def read_cells(path: Path) -> Book:
    """Read what a reader printed; raise ReaderError with its own words if it gave up."""
    book: Book = {}
    sheet: Sheet = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            match json.loads(line):
                case ["error", message]:
                    raise ReaderError(message)
                case [str(name)]:
                    sheet = book.setdefault(name, {})
                case [row, column, "number", value]:
                    sheet[row, column] = number(value)
                case [row, column, kind, value]:
                    sheet[row, column] = Cell(kind, value)
                case unknown:
                    raise ValueError(f"no line of cells: {unknown}")
    return book


def write_cells(path: Path, book: Iterable[tuple[str, Iterable[tuple[int, int, Cell]]]]) -> None:
    """Print a book as the readers of other languages do."""
    with path.open("w", encoding="utf-8") as out:
        for name, cells in book:
            out.write(json.dumps([name]) + "\n")
            for row, column, cell in cells:
                out.write(json.dumps([row, column, cell.kind, cell.value]) + "\n")
