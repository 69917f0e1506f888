"""Measured program: the core alone, and many rows.

``python -m bench.ten_million_program BATCHES ROWS TIMES OUTPUT`` logs the rows of a batch file
and writes the log as often as asked for into one XLSX file. Its memory is looked at after every
span of the log, and the most of each pass is reported.
"""

import os
import sys
from pathlib import Path
from typing import Final

from bench.core_program import SPAN_BYTES, encoders, specification
from bench.frames import read_batches
from bench.stopwatch import Stopwatch, report
from rowferry._core import Schema, SpoolLog, SpoolReader, XlsxWriter
from tests.e2e.process_figures import resident_bytes

THREADS: Final = 2  # as in a service on two cores


def main(batches: Path, log_rows: int, times: int, output: Path) -> None:
    """Log, write, and print what it took."""
    schema = Schema(specification("xlsx", batches))
    log = SpoolLog.create(schema, output.with_name("log"))
    for message in read_batches(batches, rows=log_rows):
        log.append([(message, 0)])
    log.end(0)
    samples = []
    pool = encoders(THREADS)
    whole, finish = Stopwatch(), Stopwatch()
    with whole.running():
        writer = XlsxWriter(schema, output, pool)
        for time in range(1, times + 1):
            rss_bytes = _write(writer, log.reader())
            samples.append({"rows": time * log_rows, "rss_bytes": rss_bytes})
        with finish.running():
            summary = writer.finish()
    report(
        rows=summary.rows,
        file_bytes=summary.file_bytes,
        after_last_row_seconds=finish.seconds,
        samples=samples,
        **whole.document(),
    )


def _write(writer: XlsxWriter, log: SpoolReader) -> int:
    """Write all rows of a log; give the most memory there was."""
    most = 0
    while not log.ended:
        writer.write(log.read(SPAN_BYTES))
        most = max(most, resident_bytes(os.getpid()))
    return most


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
