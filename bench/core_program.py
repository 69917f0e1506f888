"""Measured program: the core alone, from encoded batches to a finished file.

``python -m bench.core_program WRITER BATCHES ROWS OUTPUT`` with ``xlsx``, ``csv`` or ``csv.gz``
on one thread, ``xlsx:2`` on two. The figures are of what decodes spans of the log and makes the
file. Counted apart: ``append``, which checks the batches and writes the log, and ``read``, which
takes them out again.
"""

import json
import sys
import time
from pathlib import Path
from typing import Final

from bench.frames import read_batches, read_columns
from bench.stopwatch import Stopwatch, report
from rowferry._core import CsvWriter, EncoderPool, Schema, SpoolLog, SpoolReader, XlsxWriter

SPAN_BYTES: Final = 1 << 20  # what the service's pipeline reads at once


def main(writer: str, batches: Path, row_count: int, output: Path) -> None:
    """Append, read and write; print what each cost."""
    kind, _, threads = writer.partition(":")
    schema = Schema(specification(kind, batches))
    append = Stopwatch()
    log = SpoolLog.create(schema, output.with_name(f"{output.name}.log"))
    for message in read_batches(batches, rows=row_count):
        with append.running():
            appended = log.append([(message, 0)])
        if appended.refused is not None:
            raise appended.refused
    log.end(0)
    figures = _write(log.reader(), schema, output, encoders(int(threads or 1)))
    report(rows=log.rows, append=append.document(), **figures)


def specification(writer: str, batches: Path) -> bytes:
    """Say what file a writer makes of a file of batches, as JSON for ``Schema``."""
    file_format, _, gzip = writer.partition(".")
    columns = [{"name": name, "data_type": kind} for name, kind in read_columns(batches)]
    specification = {
        "format": {"xlsx": "EXCEL", "csv": "CSV"}[file_format],
        "sheets": [{"name": "Sheet1", "columns": columns}],
        "options": {"compression_enabled": gzip == "gz"},
    }
    return json.dumps(specification).encode()


def encoders(threads: int) -> EncoderPool | None:
    """Give what lets so many threads work on a file while it is held: one is the caller's."""
    return EncoderPool(threads - 1) if threads > 1 else None


def _write(
    log: SpoolReader, schema: Schema, output: Path, pool: EncoderPool | None
) -> dict[str, object]:
    whole, finish = Stopwatch(), Stopwatch()
    read = Stopwatch(time.thread_time)  # the core's own threads work on meanwhile
    with whole.running():
        writer = (XlsxWriter if schema.format == "EXCEL" else CsvWriter)(schema, output, pool)
        while not log.ended:
            with read.running():
                frames = log.read(SPAN_BYTES)
            writer.write(frames)
        with finish.running():
            summary = writer.finish()
    return {
        "file_bytes": summary.file_bytes,
        "seconds": whole.seconds - read.seconds,
        "cpu_seconds": whole.cpu_seconds - read.cpu_seconds,
        "after_last_row_seconds": finish.seconds,
        "read": read.document(),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
