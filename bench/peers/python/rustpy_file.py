"""rustpy-xlsxwriter, which takes rows as dictionaries; its own constant-memory mode."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Final

from rustpy_xlsxwriter import write_worksheet

from bench.frames import Columns
from bench.peers.python.library import Decoded, Library
from bench.peers.python.rows import Value, typed_rows

_Record = dict[str, Value]


def _records(message: bytes, columns: Columns) -> Decoded:
    names = [name for name, _ in columns]
    rows, count = typed_rows(message, columns)
    return [dict(zip(names, row, strict=True)) for row in rows], count


def _write(path: Path, _columns: Columns, batches: Iterable[list[_Record]]) -> None:
    write_worksheet(chain.from_iterable(batches), str(path), datetime_format="yyyy-mm-dd hh:mm:ss")


LIBRARY: Final = Library(decode=_records, write=_write)
