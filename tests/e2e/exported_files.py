"""Exported files are fetched by their links and read back by readers nobody here wrote."""

import csv
import hashlib
import ssl
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Final

import openpyxl  # type: ignore[import-untyped]
from python_calamine import CalamineWorkbook

from bench.dataset import COLUMNS, rows

Cell = str | float | bool | date | datetime | None

HEADER: Final = [name for name, _ in COLUMNS]
_PIECE_BYTES: Final = 1 << 20


def download(link: str, path: Path, *, tls: ssl.SSLContext | None = None) -> str:
    """Fetch a link into ``path`` and give the SHA-256 of what came, hex."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(link, context=tls) as answer, path.open("wb") as file:  # noqa: S310  the service's own link
        while piece := answer.read(_PIECE_BYTES):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def assert_csv_holds(path: Path, row_count: int) -> None:
    """Compare every cell with the data set, by Python's csv; null is an empty text."""
    with path.open(encoding="utf-8", newline="") as file:
        found = csv.reader(file, strict=True)
        assert next(found) == HEADER
        expected = (["" if cell is None else cell for cell in row] for row in rows(row_count))
        _assert_same_rows(found, expected)


def assert_xlsx_holds(path: Path, row_count: int) -> None:
    """Compare every cell with the data set, by python-calamine."""
    with CalamineWorkbook.from_path(path) as workbook:
        found = workbook.get_sheet_by_index(0).iter_rows()
        assert next(found) == HEADER
        _assert_same_rows(found, typed_rows(row_count, null=""))


def assert_xlsx_holds_by_openpyxl(path: Path, row_count: int) -> None:
    """Compare every cell with the data set, by openpyxl as it streams."""
    workbook = openpyxl.load_workbook(path, read_only=True)
    found = (list(row) for row in workbook.worksheets[0].iter_rows(values_only=True))
    assert next(found) == HEADER
    expected = ([_openpyxl_cell(cell) for cell in row] for row in typed_rows(row_count, null=None))
    _assert_same_rows(found, expected)
    workbook.close()


def typed_rows(row_count: int, *, null: str | None) -> Iterator[list[Cell]]:
    """Give the data set's rows as the values that a spreadsheet keeps."""
    readers = [_READERS[kind] for _, kind in COLUMNS]
    for row in rows(row_count):
        yield [
            null if cell is None else read(cell) for read, cell in zip(readers, row, strict=True)
        ]


def _moment(text: str) -> date | datetime:
    moment = datetime.fromisoformat(text)
    return moment if " " in text else moment.date()


def _openpyxl_cell(cell: Cell) -> Cell:
    """Give a day as openpyxl does: as its midnight."""
    if isinstance(cell, datetime) or not isinstance(cell, date):
        return cell
    return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  wall clock


_READERS: Final[Mapping[str, Callable[[str], Cell]]] = {
    "STRING": str,
    "NUMBER": float,
    "DATE": _moment,
    "BOOLEAN": lambda text: text == "true",
}


def _assert_same_rows(found: Iterable[object], expected: Iterable[object]) -> None:
    for number, (got, want) in enumerate(zip(found, expected, strict=True), 1):
        if got != want:
            # compared first without assert: its rewriting costs more than the reading
            assert got == want, f"row {number}"
