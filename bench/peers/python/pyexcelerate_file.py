"""pyexcelerate, which takes a sheet at once; dates are left numbers, as it writes them fastest."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyexcelerate

from bench.frames import Columns
from bench.peers.python.library import Library
from bench.peers.python.rows import Value, typed_rows


def _write(path: Path, columns: Columns, batches: Iterable[list[list[Value]]]) -> None:
    sheet: list[list[Value]] = [[name for name, _ in columns]]
    for rows in batches:
        sheet += rows
    book = pyexcelerate.Workbook()
    book.new_sheet("Sheet1", data=sheet)
    book.save(str(path))


LIBRARY: Final = Library(decode=typed_rows, write=_write)
