"""``python -m bench.spool``: what it costs that acknowledged rows are kept.

Whole exports with the logs of rows on disk and in memory, in turns: processor time of the service
by row. Then with ``spool.fsync`` and without: rows by second, and how long batches wait for their
acks. Writes ``bench/results/spool.json``; fails when the log on disk costs 10 % or more.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import CHECKOUT
from bench.machine import provenance
from tests.e2e import go_client
from tests.e2e.go_client import GoClient
from tests.e2e.service_process import running_service

PATH: Final = CHECKOUT / "bench/results/spool.json"
FULL_ROWS: Final = 800_000
BATCH_ROWS: Final = 1000
REPEATS: Final = 5
SYNC_REPEATS: Final = 3
MOST_ON_TOP: Final = 0.1
SPOOLS: Final = {
    "disk": ("-m", "rowferry", "serve"),
    "memory": (str(CHECKOUT / "bench/memory_spool_service.py"),),
}
FORMATS: Final = ("CSV", "EXCEL")
STREAM_COUNTS: Final = (1, 10)
IN_FLIGHT: Final = (0, 1)  # batches of a stream without their ack; 0 = any number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One service, one client, its streams."""

    rows: int
    file_format: str = "CSV"
    streams: int = 1
    in_flight: int = 0
    spool: str = "disk"
    fsync: bool = False

    def measure(self, client: GoClient) -> dict[str, Any]:
        """Give processor seconds of the service, seconds, and those of every ack."""
        settings: dict[str, object] = {
            "spool.fsync": self.fsync,
            "spool.max_lag_bytes": 1 << 30,  # memory holds all rows anyway: nobody waits
        }
        batches = batch_file(self.rows, BATCH_ROWS)
        with (
            # beside them: a system's temporary folder may be in memory
            tempfile.TemporaryDirectory(dir=batches.parent) as folder,
            running_service(
                Path(folder), settings, measured=True, arguments=SPOOLS[self.spool]
            ) as service,
        ):
            before = service.cpu_seconds
            reported = client.run(
                "push",
                *("-address", service.grpc, "-format", self.file_format, "-ack-every", 1),
                *("-batches", batches, "-streams", self.streams),
                *("-in-flight", self.in_flight),
            )
            cpu_seconds = service.cpu_seconds - before
        for export in reported["exports"]:
            if export["state"] != "COMPLETED":
                raise RuntimeError(f"an export failed: {export['error_code']}")
        acks = [wait for export in reported["exports"] for wait in export["ack_seconds"]]
        return {"cpu_seconds": cpu_seconds, "seconds": reported["seconds"], "acks": acks}


def main() -> int:
    """Measure, save, judge; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.spool", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS)
    row_count = parser.parse_args().rows
    client = go_client.build()
    appending = [_appending(client, file_format, row_count) for file_format in FORMATS]
    document = {
        **provenance("bench.spool"),
        "appending": appending,
        "fsync": list(_fsync(client, row_count // 4)),
    }
    text = json.dumps(document, indent=1)
    print(text)  # noqa: T201
    if row_count == FULL_ROWS:
        PATH.write_text(text + "\n", encoding="utf-8")
    return 1 if any(figure["on_top"] >= MOST_ON_TOP for figure in appending) else 0


def _appending(client: GoClient, file_format: str, rows: int) -> dict[str, Any]:
    """Compare the spools, in turns, so that noise meets both; the least of each counts."""
    taken: dict[str, list[float]] = {spool: [] for spool in SPOOLS}
    for _ in range(REPEATS):
        for spool, seconds in taken.items():
            run = _Run(rows=rows, file_format=file_format, spool=spool)
            seconds.append(run.measure(client)["cpu_seconds"])
    by_row = {spool: min(seconds) / rows * 1e6 for spool, seconds in taken.items()}
    return {
        "format": file_format,
        "rows": rows,
        "cpu_microseconds_per_row": {spool: round(cost, 4) for spool, cost in by_row.items()},
        "on_top": round(by_row["disk"] / by_row["memory"] - 1, 4),
    }


def _fsync(client: GoClient, rows: int) -> Iterator[dict[str, Any]]:
    """Measure what a sync before every ack costs; of each job the run of most rows/s counts."""
    for streams in STREAM_COUNTS:
        for in_flight in IN_FLIGHT:
            jobs = {
                fsync: _Run(
                    rows=rows // streams, streams=streams, in_flight=in_flight, fsync=fsync
                )
                for fsync in (False, True)
            }
            turns = [
                {fsync: run.measure(client) for fsync, run in jobs.items()}
                for _ in range(SYNC_REPEATS)
            ]
            for fsync, run in jobs.items():
                best = min((turn[fsync] for turn in turns), key=itemgetter("seconds"))
                yield _sync_figure(run, best)


def _sync_figure(run: _Run, measured: dict[str, Any]) -> dict[str, Any]:
    rows = run.rows * run.streams
    hundredths = quantiles(measured["acks"], n=100)
    return {
        "fsync": run.fsync,
        "streams": run.streams,
        "in_flight": run.in_flight,
        "rows": rows,
        "rows_per_second": round(rows / measured["seconds"]),
        "ack_p50_milliseconds": round(hundredths[49] * 1e3, 2),
        "ack_p99_milliseconds": round(hundredths[98] * 1e3, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
