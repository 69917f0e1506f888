"""``python -m bench.browser``: rows from a page of Chromium, and its worker, to a finished file.

The page makes the rows of ``dataset.py`` as it goes; the clock runs from the export's first
request to its result. Of the runs of a job the fastest counts: other programs' noise only ever
adds. Writes ``bench/results/browser.json``; fails when an iterable is sent with less than 100,000
rows a second.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.dataset import COLUMNS
from bench.figures import CHECKOUT
from bench.machine import first_line, provenance
from tests.clients.browser import pages
from tests.clients.browser.chromium import Browser, Page
from tests.clients.browser.conftest import allowing
from tests.clients.browser.static_site import serving
from tests.e2e.process_figures import cpu_seconds
from tests.e2e.service_process import ServiceProcess, running_service

PATH: Final = CHECKOUT / "bench/results/browser.json"
FULL_ROWS: Final = 400_000
RUNS: Final = 5
LEAST_ROWS_PER_SECOND: Final = 100_000
_ITERABLE: Final = "exportRows(iterable)"
_STREAM: Final = "a WritableStream, row by row"
_PLACES: Final = {"page": "exported", "worker": "inWorker"}
_JOBS: Final = (
    ("page", _ITERABLE, "csv"),
    ("page", _ITERABLE, "xlsx"),
    ("worker", _ITERABLE, "csv"),
    ("worker", _ITERABLE, "xlsx"),
    ("page", _STREAM, "csv"),
)


def main() -> int:
    """Measure, save, judge; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.browser", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="rows of each export")
    rows = parser.parse_args().rows
    load_before = os.getloadavg()[0]  # others' work: wall times of a busy machine say little
    with (
        Browser.running() as browser,
        serving(pages.library_page()) as site,
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), allowing(site), measured=True) as service,
    ):
        jobs = list(_jobs(browser, f"{site}/", service, rows))
    document = {
        **provenance("bench.browser"),
        "load_average_before": load_before,
        "browser": first_line("chromium", "--version"),
        "rows": rows,
        "columns": len(COLUMNS),
        "runs_of_each": RUNS,
        "jobs": jobs,
    }
    print(json.dumps(document, indent=1))  # noqa: T201
    if rows == FULL_ROWS:
        PATH.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    slowest = min(job["rows_per_second"] for job in jobs if job["by"] == _ITERABLE)
    return 0 if slowest >= LEAST_ROWS_PER_SECOND else 1


def _jobs(
    browser: Browser, address: str, service: ServiceProcess, rows: int
) -> Iterator[dict[str, Any]]:
    for place, way, file_format in _JOBS:
        order = {
            "http": f"http://{service.http}",
            "ingest": f"ws://{service.websocket}",
            "rows": rows,
            "format": file_format,
            "isIterable": way == _ITERABLE,
        }
        with browser.page(address) as page:
            page.run(_PLACES[place], order | {"rows": rows // 10})  # loads what the others find
            runs = [_run(page, service, place, order) for _ in range(RUNS)]
            heap_bytes = page.heap_bytes()
            rows_alone = min(page.run("rowsAlone", rows) for _ in range(RUNS))
        yield {
            "from": place,
            "by": way,
            "format": file_format,
            "rows_per_second": round(rows / min(run["seconds"] for run in runs)),
            "seconds": [round(run["seconds"], 3) for run in runs],
            "browser_cpu_seconds": round(min(run["browser_cpu"] for run in runs), 3),
            "service_cpu_seconds": round(min(run["service_cpu"] for run in runs), 3),
            "rows_alone_seconds": round(rows_alone, 3),
            "heap_bytes_after": heap_bytes,
        }


def _run(page: Page, service: ServiceProcess, place: str, order: dict[str, Any]) -> dict[str, Any]:
    browser_before, service_before = _browser_cpu_seconds(page), service.cpu_seconds
    ended = page.run(_PLACES[place], order)["ended"]
    if ended.get("result", {}).get("recordCount") != order["rows"]:
        raise RuntimeError(f"an export failed: {ended}")
    return {
        "seconds": ended["seconds"],
        "browser_cpu": _browser_cpu_seconds(page) - browser_before,
        "service_cpu": service.cpu_seconds - service_before,
    }


def _browser_cpu_seconds(page: Page) -> float:
    return sum(map(cpu_seconds, page.call("processes")))


if __name__ == "__main__":
    sys.exit(main())
