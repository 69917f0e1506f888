"""What a measured program counts: time while something runs, and its largest memory."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.e2e.process_figures import peak_resident_bytes


class Stopwatch:
    """Sums wall time and processor time while its blocks run.

    ``processor`` is the clock of the latter: all threads' by default.
    """

    def __init__(self, processor: Callable[[], float] = time.process_time) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._processor = processor

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count while the block runs."""
        wall, processor = time.perf_counter(), self._processor()
        try:
            yield
        finally:
            self.cpu_seconds += self._processor() - processor
            self.seconds += time.perf_counter() - wall

    def document(self) -> dict[str, float]:
        """Give the JSON form."""
        return {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds}


def report(**figures: object) -> None:
    """Print a measured program's outcome, with the process's peak memory, as one JSON line."""
    peak_rss_bytes = peak_resident_bytes(os.getpid())
    print(json.dumps({**figures, "peak_rss_bytes": peak_rss_bytes}), flush=True)  # noqa: T201
