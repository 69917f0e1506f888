"""``python -m bench.progress``: what a thousand watchers cost the service, by row.

The same rows come in over four streams, again and again: with nobody watching, and with 1,000
WebSockets that watch all exports, in turns. Counted is the processor time of the service's
process, from the first row until the last watcher heard of the last result; the median of the
runs counts. Every watcher must hear of every export's end. Writes ``bench/results/progress.json``;
with ``--check`` it runs a tenth of the rows, and the cost may be 30 % where the target is 5 %.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import CHECKOUT
from bench.machine import provenance
from tests.e2e import go_client
from tests.e2e.go_client import GoClient
from tests.e2e.process_figures import resident_bytes
from tests.e2e.service_process import ServiceProcess, running_service

PATH: Final = CHECKOUT / "bench/results/progress.json"
FULL_ROWS: Final = 3_200_000
BATCH_ROWS: Final = 1000
STREAMS: Final = 4
WATCHERS: Final = 1000
PAIRS: Final = 5
MOST_COST: Final = 0.05
MOST_COST_IN_CHECK: Final = 0.30
SETTINGS: Final[dict[str, object]] = {
    "server.max_connections": 2 * WATCHERS,
    "server.max_connections_per_address": 2 * WATCHERS,
    "progress.max_watchers_per_client": WATCHERS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One push of all rows."""

    seconds: float
    cpu_seconds: float
    messages: int = 0
    received_bytes: int = 0
    resident_bytes: int = 0


def main() -> int:
    """Measure, save, judge; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.progress", description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    rows = FULL_ROWS // 10 if is_check else FULL_ROWS
    client = go_client.build()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), SETTINGS, measured=True) as service,
    ):
        _push(client, service, rows // 10)  # the first export loads what the others find loaded
        runs = [
            (_push(client, service, rows), _watched(client, service, rows)) for _ in range(PAIRS)
        ]
    document = {**provenance("bench.progress"), **_figures(rows, runs)}
    print(json.dumps(document, indent=1))  # noqa: T201
    if not is_check:
        PATH.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if document["cost"] <= (MOST_COST_IN_CHECK if is_check else MOST_COST) else 1


def _watched(client: GoClient, service: ServiceProcess, rows: int) -> Run:
    with _watching(service) as watchers:
        cpu_before = service.cpu_seconds
        run = _push(client, service, rows)
        resident = resident_bytes(service.process.pid)
        heard = watchers.stop()
        cpu_seconds = service.cpu_seconds - cpu_before
    if heard["fewest_final_states"] != STREAMS:
        raise RuntimeError(f"a watcher did not hear of the end of every export: {heard}")
    return Run(
        seconds=run.seconds,
        cpu_seconds=cpu_seconds,
        messages=heard["messages"],
        received_bytes=heard["received_bytes"],
        resident_bytes=resident,
    )


@dataclass(frozen=True, slots=True)
class _Watchers:
    process: subprocess.Popen[str]

    def stop(self) -> dict[str, Any]:
        """End the watching and give what was heard."""
        printed, _ = self.process.communicate()
        heard: dict[str, Any] = json.loads(printed)
        return heard


@contextmanager
def _watching(service: ServiceProcess) -> Iterator[_Watchers]:
    command = [sys.executable, "-m", "bench.progress_watchers", service.http, str(WATCHERS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError("the watchers could not begin")
            yield _Watchers(process)
        finally:
            process.kill()


def _push(client: GoClient, service: ServiceProcess, rows: int) -> Run:
    """Push the rows in equal shares; the processor time is the service's."""
    batches = batch_file(rows // STREAMS, BATCH_ROWS)
    begun, cpu_before = time.perf_counter(), service.cpu_seconds
    report = client.run(
        "push",
        *("-address", service.grpc, "-format", "EXCEL"),
        *("-batches", batches, "-streams", STREAMS),
    )
    cpu_seconds = service.cpu_seconds - cpu_before
    for export in report["exports"]:
        if export["state"] != "COMPLETED":
            raise RuntimeError(f"an export failed: {export}")
    return Run(seconds=time.perf_counter() - begun, cpu_seconds=cpu_seconds)


def _figures(rows: int, runs: list[tuple[Run, Run]]) -> dict[str, Any]:
    alone, watched = zip(*runs, strict=True)
    cpu_alone = median(run.cpu_seconds for run in alone)
    cpu_watched = median(run.cpu_seconds for run in watched)
    return {
        "rows": rows,
        "streams": STREAMS,
        "watchers": WATCHERS,
        "runs_of_each": len(runs),
        "cpu_microseconds_per_row_alone": round(cpu_alone / rows * 1e6, 3),
        "cpu_microseconds_per_row_watched": round(cpu_watched / rows * 1e6, 3),
        "cost": round(cpu_watched / cpu_alone - 1, 4),
        "seconds_alone": round(median(run.seconds for run in alone), 2),
        "seconds_watched": round(median(run.seconds for run in watched), 2),
        "messages": median(run.messages for run in watched),
        "received_bytes": median(run.received_bytes for run in watched),
        "resident_bytes_watched": median(run.resident_bytes for run in watched),
        "cpu_seconds_alone": [round(run.cpu_seconds, 3) for run in alone],
        "cpu_seconds_watched": [round(run.cpu_seconds, 3) for run in watched],
    }


if __name__ == "__main__":
    sys.exit(main())
