"""polars: frames of texts, appended to one CSV file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from bench.frames import Columns
from bench.peers.python.library import Decoded, Library
from bench.peers.python.rows import text_columns


def _frame(message: bytes, columns: Columns) -> Decoded:
    texts, count = text_columns(message, columns)
    schema = dict.fromkeys((name for name, _ in columns), pl.String)
    return pl.DataFrame(texts, schema=schema, orient="col"), count


def _write(path: Path, columns: Columns, frames: Iterable[pl.DataFrame]) -> None:
    with path.open("wb") as file:
        file.write(f"{','.join(name for name, _ in columns)}\r\n".encode())
        for frame in frames:
            frame.write_csv(file, include_header=False, line_terminator="\r\n")


LIBRARY: Final = Library(decode=_frame, write=_write, messages_at_once=50)
