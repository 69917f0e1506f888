"""What the double was asked, for tests to look at."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from tests.doubles.oss.operations import Operation

_KEPT_REQUESTS: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """A request that was read; times are of time.time()."""

    operation: Operation
    bucket: str
    key: str
    host: str
    status: int
    """0 = no answer was made."""
    code: str
    """The error's code."""
    received_bytes: int
    began_at: float
    ended_at: float
    """When the answer was ready."""


class Journal:
    """The last requests, in the order of their ends; thread-safe."""

    def __init__(self) -> None:
        self._requests: Final[deque[SeenRequest]] = deque(maxlen=_KEPT_REQUESTS)
        self._lock: Final = threading.Lock()

    def add(self, request: SeenRequest) -> None:
        """Note a request."""
        with self._lock:
            self._requests.append(request)

    def requests(self) -> list[SeenRequest]:
        """Give the requests."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget the requests."""
        with self._lock:
            self._requests.clear()
