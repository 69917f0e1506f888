"""XlsxWriter in constant memory, cells typed as the service types them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from bench.frames import Columns
from bench.peers.python.library import Library
from bench.peers.python.rows import Value, typed_rows


def _write(path: Path, columns: Columns, batches: Iterable[list[list[Value]]]) -> None:
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, [name for name, _ in columns])
    writers = _cell_writers(book, sheet, columns)
    row_index = 0
    for rows in batches:
        for row in rows:
            row_index += 1
            for column, (write, value) in enumerate(zip(writers, row, strict=True)):
                if value is not None:
                    write(row_index, column, value)
    book.close()


def _cell_writers(
    book: xlsxwriter.Workbook, sheet: Worksheet, columns: Columns
) -> list[Callable[..., object]]:
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def write_date(row: int, column: int, value: Value) -> None:
        style = moment if isinstance(value, datetime) else day
        sheet.write_datetime(row, column, value, style)

    by_kind = {
        "STRING": sheet.write_string,
        "NUMBER": sheet.write_number,
        "BOOLEAN": sheet.write_boolean,
        "DATE": write_date,
    }
    return [by_kind[kind] for _, kind in columns]


LIBRARY: Final = Library(decode=typed_rows, write=_write)
