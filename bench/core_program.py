"""Measured program: the core alone on one thread, from encoded batches to a finished file.

``python -m bench.core_program EXCEL|CSV BATCHES FOLDER``. Three counts: ``append`` checks the
batches and writes the log, ``read`` takes them out again in spans, ``write`` decodes spans and
makes the file, its SHA-256 and its sync to disk included.
"""

import json
import sys
from pathlib import Path
from typing import Final

from bench.dataset import COLUMNS
from bench.frames import read_batches
from bench.stopwatch import Stopwatch, report
from rowferry._core import CsvWriter, Schema, SpoolLog, SpoolReader, XlsxWriter

SPAN_BYTES: Final = 1 << 20  # what the service's pipeline reads at once


def main(file_format: str, batches: Path, folder: Path) -> None:
    """Append, read and write; print what each cost."""
    schema = Schema(_specification(file_format))
    append, read, write = Stopwatch(), Stopwatch(), Stopwatch()
    log = SpoolLog.create(schema, folder / "log")
    for message in read_batches(batches):
        with append.running():
            appended = log.append([(message, 0)])
        if appended.refused is not None:
            raise appended.refused
    log.end(0)
    path = folder / f"file{schema.extension}"
    _write(log.reader(), schema, path, read, write)
    report(
        rows=log.rows,
        file_bytes=path.stat().st_size,
        append=vars(append),
        read=vars(read),
        write=vars(write),
    )


def _write(
    reader: SpoolReader, schema: Schema, path: Path, read: Stopwatch, write: Stopwatch
) -> None:
    with write.running():
        writer = (XlsxWriter if schema.format == "EXCEL" else CsvWriter)(schema, path)
    while not reader.ended:
        with read.running():
            frames = reader.read(SPAN_BYTES)
        with write.running():
            writer.write(frames)
    with write.running():
        writer.finish()


def _specification(file_format: str) -> bytes:
    columns = [{"name": name, "data_type": kind} for name, kind in COLUMNS]
    sheet = {"name": "Sheet1", "columns": columns}
    return json.dumps({"format": file_format, "sheets": [sheet], "options": {}}).encode()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
