"""What a measured program counts: time while something runs, and its largest memory."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.process_figures import peak_resident_bytes


class Stopwatch:
    """Sums wall time and the processor time of all threads while its blocks run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count while the block runs."""
        wall, processor = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.cpu_seconds += time.process_time() - processor
            self.seconds += time.perf_counter() - wall


def report(**figures: object) -> None:
    """Print a measured program's outcome, with the process's peak memory, as one JSON line."""
    peak_rss_bytes = peak_resident_bytes(os.getpid())
    print(json.dumps({**figures, "peak_rss_bytes": peak_rss_bytes}), flush=True)  # noqa: T201
