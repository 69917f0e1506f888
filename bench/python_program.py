"""Measured program: what Python's own writers take for the same batches.

``python -m bench.python_program xlsxwriter|csv BATCHES OUTPUT``. As for the others, decoding the
batches is counted, reading their file is not.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]

from bench.dataset import COLUMNS
from bench.frames import read_batches
from bench.stopwatch import Stopwatch, report
from rowferry.v1.export_pb2 import RecordBatch

Row = list[str | None]
HEADER: Final = [name for name, _ in COLUMNS]
KINDS: Final = [kind for _, kind in COLUMNS]


def decoded(message: bytes) -> Iterator[Row]:
    """Give the rows of an encoded batch; null is None."""
    for record in RecordBatch.FromString(message).records:
        row: Row = list(record.values)
        nulls = int.from_bytes(record.null_bitmap, "little")
        while nulls:
            column = nulls.bit_length() - 1
            row[column] = None
            nulls ^= 1 << column
        yield row


class CsvFile:
    """Python's csv."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEADER)

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows."""
        self._writer.writerows(rows)

    def finish(self) -> None:
        """End the file."""
        self._file.close()


class XlsxFile:
    """XlsxWriter in constant memory, cells typed as the service types them."""

    def __init__(self, path: Path) -> None:
        self._book = xlsxwriter.Workbook(path, {"constant_memory": True})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheet = self._book.add_worksheet()
        self._sheet.write_row(0, 0, HEADER)
        self._next_row = 1

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows."""
        for row in rows:
            for column, (kind, cell) in enumerate(zip(KINDS, row, strict=True)):
                if cell is not None:
                    self._write_cell(column, kind, cell)
            self._next_row += 1

    def finish(self) -> None:
        """End the file."""
        self._book.close()

    def _write_cell(self, column: int, kind: str, cell: str) -> None:
        at = (self._next_row, column)
        if kind == "STRING":
            self._sheet.write_string(*at, cell)
        elif kind == "NUMBER":
            self._sheet.write_number(*at, float(cell))
        elif kind == "BOOLEAN":
            self._sheet.write_boolean(*at, cell == "true")
        elif " " in cell:
            self._sheet.write_datetime(*at, datetime.fromisoformat(cell), self._moment)
        else:
            self._sheet.write_datetime(*at, date.fromisoformat(cell), self._day)


WRITERS: Final[dict[str, type[CsvFile | XlsxFile]]] = {"xlsxwriter": XlsxFile, "csv": CsvFile}


def main(writer: str, batches: Path, path: Path) -> None:
    """Write a batch file's rows; print what it cost."""
    stopwatch = Stopwatch()
    row_count = 0
    with stopwatch.running():
        file = WRITERS[writer](path)
    for message in read_batches(batches):
        with stopwatch.running():
            rows = list(decoded(message))
            file.write(rows)
        row_count += len(rows)
    with stopwatch.running():
        file.finish()
    report(rows=row_count, file_bytes=path.stat().st_size, **vars(stopwatch))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
