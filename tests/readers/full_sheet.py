"""A file with more rows than a sheet has, and what is in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rowferry.v1 import export_pb2
from tests.readers.nasty_files import write_xlsx

SHEET_ROWS: Final = 1_048_576
"""Excel's own limit, header included."""

SHEET_NAME: Final = "O'Brien 订单"
ROWS: Final = SHEET_ROWS + 9
BATCH_ROWS: Final = 100_000

PlacedText = tuple[str, int, str]
"""Sheet, row, text; the file has one column."""


def write(folder: Path) -> Path:
    """Write the file, its rows as CSV: the quickest for a million of them."""
    path = folder / "full_sheet.xlsx"
    columns: list[dict[str, object]] = [{"name": "n", "data_type": "STRING", "width": 12}]
    write_xlsx(path, SHEET_NAME, columns, {}, _batches())
    return path


def _batches() -> Iterator[bytes]:
    for start in range(0, ROWS, BATCH_ROWS):
        rows = range(start, min(start + BATCH_ROWS, ROWS))
        lines = "".join(f"r{row}\r\n" for row in rows).encode()
        yield export_pb2.RecordBatch(csv_rows=lines).SerializeToString()


def expected() -> Iterator[PlacedText]:
    """Give all cells; the second sheet repeats the header."""
    yield SHEET_NAME, 1, "n"
    for row in range(SHEET_ROWS - 1):
        yield SHEET_NAME, row + 2, f"r{row}"
    second = f"{SHEET_NAME} (2)"
    yield second, 1, "n"
    for row in range(SHEET_ROWS - 1, ROWS):
        yield second, row - SHEET_ROWS + 3, f"r{row}"
