"""When a failed call is made again: what may pass, after which pause, for how long."""

import logging
import math
import random
from collections.abc import Callable
from typing import Final

import trio

from rowferry.client.errors import UNREACHABLE, RowferryError, TlsError

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 10.0
RETRY_FOR_SECONDS: Final = 120.0
FIRST_CONTACT_SECONDS: Final = 10.0
WRONG_NODE: Final = "WRONG_NODE"
STREAM_IDLE: Final = "STREAM_IDLE"
PASSING_CODES: Final = frozenset(
    {
        UNREACHABLE,
        "UNAVAILABLE",  # gRPC's own: a proxy whose service is away
        "SHUTTING_DOWN",
        "DATABASE_UNAVAILABLE",
        "STORAGE_UNAVAILABLE",
        "DISK_FULL",
        "RATE_LIMITED",
        "QUEUE_FULL",
        STREAM_IDLE,
        WRONG_NODE,
    }
)
"""Failures that another try may not meet."""

_log: Final = logging.getLogger("rowferry.client")


class Retries:
    """The tries of one call, with exponential pauses and full jitter.

    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
    """

    def __init__(
        self, retry_for_seconds: float, *, draw: Callable[[], float] = random.random
    ) -> None:
        """``draw`` gives numbers from 0 to 1."""
        self._retry_for_seconds = retry_for_seconds
        self._draw = draw
        self._failures = 0
        self._stands_since = math.inf
        self._stuck_since: float | None = None

    def stands(self) -> None:
        """Take note that the service has answered a try; it may go on for long."""
        self._stands_since = trio.current_time()

    def progressed(self) -> None:
        """Take note that the try got further than the ones before."""
        self._failures = 0
        self._stuck_since = None

    async def pause(self, failure: RowferryError) -> None:
        """Wait until it is time for another try; raise the failure if there is none."""
        now = trio.current_time()
        if now - self._stands_since > LONGEST_PAUSE_SECONDS:
            self.progressed()  # it stood for a while: this is another outage
        self._stands_since = math.inf
        if self._stuck_since is None:
            self._stuck_since = now
        pause_seconds = self._pause_seconds(failure)
        left_seconds = self._stuck_since + self._retry_for_seconds - now
        if not _may_pass(failure) or pause_seconds > left_seconds:
            raise failure
        self._failures += 1
        _log.warning("Trying again in %.1f s: %s", pause_seconds, failure)
        await trio.sleep(pause_seconds)

    def _pause_seconds(self, failure: RowferryError) -> float:
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self._failures)
        return _asked_seconds(failure) + self._draw() * longest


def node_after(failure: RowferryError, node: str) -> str:
    """Give the node that the next try goes to: the one that has the rows, else the same."""
    return failure.context.get("node_address", "") if failure.code == WRONG_NODE else node


def _may_pass(failure: RowferryError) -> bool:
    return failure.code in PASSING_CODES and not isinstance(failure, TlsError)


def _asked_seconds(failure: RowferryError) -> float:
    """Give the pause that the service asks for."""
    try:
        seconds = float(failure.context.get("retry_after_seconds", "0"))
    except ValueError:
        return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
