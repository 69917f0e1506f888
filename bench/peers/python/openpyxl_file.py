"""openpyxl in its write-only mode; it styles dates itself."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import openpyxl  # type: ignore[import-untyped]

from bench.frames import Columns
from bench.peers.python.library import Library
from bench.peers.python.rows import Value, typed_rows


def _write(path: Path, columns: Columns, batches: Iterable[list[list[Value]]]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([name for name, _ in columns])
    for rows in batches:
        for row in rows:
            sheet.append(row)
    book.save(path)


LIBRARY: Final = Library(decode=typed_rows, write=_write)
