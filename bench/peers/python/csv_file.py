"""Python's csv."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bench.frames import Columns
from bench.peers.python.library import Library
from bench.peers.python.rows import text_rows


def _write(path: Path, columns: Columns, batches: Iterable[list[list[str]]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([name for name, _ in columns])
        for rows in batches:
            writer.writerows(rows)


LIBRARY: Final = Library(decode=text_rows, write=_write)
