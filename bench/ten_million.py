"""``python -m bench.ten_million``: a file of ten million rows, made in the memory of a small one.

Writes ``bench/results/ten-million-rows.json``; fails when the process that only runs the core
takes 40 MB or more, or more in the second half of the rows than in the first.
"""

import argparse
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import CHECKOUT, MB, python_program, run_program
from bench.machine import provenance
from bench.speed_section import update_readme

FULL_ROWS: Final = 10_000_000
LOG_ROWS: Final = 250_000
BATCH_ROWS: Final = 1000
MOST_RSS_BYTES: Final = 40 * MB
MOST_GROWTH_BYTES: Final = 2 * MB
PATH: Final = CHECKOUT / "bench/results/ten-million-rows.json"


def main() -> int:
    """Measure, save, judge; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.ten_million", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS)
    row_count = parser.parse_args().rows
    reported = _measure(row_count)
    document = {**provenance("bench.ten_million"), **reported}
    text = json.dumps(document, indent=1)
    print(text)  # noqa: T201
    faults = _faults(reported)
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201
    if row_count == FULL_ROWS and not faults:
        PATH.write_text(text + "\n", encoding="utf-8")
        update_readme()
    return 1 if faults else 0


def _measure(row_count: int) -> dict[str, Any]:
    log_rows = min(row_count, LOG_ROWS)
    batches = batch_file(log_rows, BATCH_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "rows.xlsx"
        arguments = (batches, log_rows, row_count // log_rows, output)
        reported = run_program(python_program("bench.ten_million_program", *arguments))
        return {"sheets": _sheets(output), **reported}


def _sheets(path: Path) -> int:
    with zipfile.ZipFile(path) as package:
        return sum(name.startswith("xl/worksheets/sheet") for name in package.namelist())


def _faults(reported: dict[str, Any]) -> list[str]:
    faults = []
    if reported["peak_rss_bytes"] >= MOST_RSS_BYTES:
        faults.append(f"{reported['peak_rss_bytes']:,} bytes of memory at most")
    resident = [sample["rss_bytes"] for sample in reported["samples"]]
    first, second = resident[: len(resident) // 2], resident[len(resident) // 2 :]
    if first and max(second) > max(first) + MOST_GROWTH_BYTES:
        faults.append(f"memory grew from {max(first):,} to {max(second):,} bytes")
    return faults


if __name__ == "__main__":
    sys.exit(main())
