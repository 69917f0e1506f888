"""``python -m bench.status``: how long questions wait while exports run, and a start takes.

Twenty streams bring rows to a service that has finished 1,000 exports; beside them one client
asks for the state of a running export, one question after the other, over one connection. All
share the cores. Then the service is started over and over on its 1,000 tasks, until its log says
it is ready. Writes ``bench/results/status.json``; with ``--check`` it runs a tenth, and fails past
four times a bound: times of other machines are no ratios.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import CHECKOUT
from bench.machine import provenance
from rowferry.v1 import export_pb2 as pb
from tests.e2e import go_client
from tests.e2e.go_client import GoClient
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import running_service
from tests.faults.data_directories import make_data_directory

PATH: Final = CHECKOUT / "bench/results/status.json"
FULL_ROWS: Final = 100_000
BATCH_ROWS: Final = 1000
STREAMS: Final = 20
FINISHED_TASKS: Final = 1000
STARTS: Final = 5
QUESTION_P99_SECONDS: Final = 0.05
START_SECONDS: Final = 2.0
SLACK: Final = 4.0
LEAST_QUESTIONS: Final = 100
MOST_PUSHES: Final = 10
SETTINGS: Final[dict[str, object]] = {"concurrency.max_concurrent_tasks": STREAMS}
RUNNING: Final = [pb.PROCESSING, pb.QUEUED]


def main() -> int:
    """Measure, save, judge; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.status", description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    rows = FULL_ROWS // 10 if is_check else FULL_ROWS
    client = go_client.build()
    with tempfile.TemporaryDirectory() as folder:
        data_directory = make_data_directory(Path(folder) / "data", FINISHED_TASKS)
        waits = _enough_questions(client, data_directory, rows)
        starts = [_start_seconds(data_directory) for _ in range(STARTS)]
    figures = _figures(rows, waits, starts)
    document = {**provenance("bench.status"), **figures}
    print(json.dumps(document, indent=1))  # noqa: T201
    if not is_check:
        PATH.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    slack = SLACK if is_check else 1.0
    within = (
        figures["question_p99_milliseconds"] < QUESTION_P99_SECONDS * 1e3 * slack
        and figures["start_seconds_median"] < START_SECONDS * slack
    )
    return 0 if within else 1


def _enough_questions(client: GoClient, data_directory: Path, rows: int) -> list[float]:
    """Push until enough was asked: short streams may hardly be all there at once."""
    waits: list[float] = []
    for _ in range(MOST_PUSHES):
        waits += _questions(client, data_directory, rows)
        if len(waits) >= LEAST_QUESTIONS:
            return waits
    raise RuntimeError(f"{STREAMS} streams ran at once too seldom: {len(waits)} questions")


def _questions(client: GoClient, data_directory: Path, rows: int) -> Iterator[float]:
    """Give what each question waited for its answer while all streams ran."""
    batches = batch_file(rows, BATCH_ROWS)
    with (
        running_service(data_directory, SETTINGS) as service,
        GrpcioClient.connect(service.grpc) as asking,
    ):
        streams = threading.Thread(
            target=client.run,
            args=(
                "push",
                *("-address", service.grpc, "-format", "EXCEL"),
                *("-batches", batches, "-streams", STREAMS),
            ),
        )
        streams.start()
        while streams.is_alive():
            running = asking.list_tasks(pb.ListTasksRequest(states=RUNNING)).tasks
            for task in running:
                begun = time.perf_counter()
                asking.query(task.task_id)
                if len(running) == STREAMS:
                    yield time.perf_counter() - begun
        streams.join()


def _start_seconds(data_directory: Path) -> float:
    with running_service(data_directory) as service:
        return service.ready_seconds


def _figures(rows: int, waits: list[float], starts: list[float]) -> dict[str, Any]:
    hundredths = quantiles(waits, n=100)
    return {
        "streams": STREAMS,
        "rows_of_each": rows,
        "questions": len(waits),
        "question_p50_milliseconds": round(hundredths[49] * 1e3, 2),
        "question_p99_milliseconds": round(hundredths[98] * 1e3, 2),
        "question_max_milliseconds": round(max(waits) * 1e3, 2),
        "finished_tasks": FINISHED_TASKS,
        "start_seconds_median": round(median(starts), 3),
        "start_seconds_max": round(max(starts), 3),
    }


if __name__ == "__main__":
    sys.exit(main())
