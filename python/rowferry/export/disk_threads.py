"""Blocking calls that touch files: in threads, and with an end to the patience with their disk."""

import math
import threading
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import trio

from rowferry.domain.errors import ErrorCode, RowferryError

_T = TypeVar("_T")
_P = ParamSpec("_P")
MOST_STUCK: Final = 64


class DiskThreads:
    """Runs such calls as ``limiter`` allows; one that takes too long is left to itself.

    A call that hangs with its disk (a dead NFS server, a device that retries) can't be stopped:
    its thread stays until the call returns, and holds what it works on, but neither its place
    under the limiter nor whoever waits for it. What it works on must be given up: whether the
    call has done its work, or does it later, is not known. While ``MOST_STUCK`` calls hang, none
    is begun.
    """

    def __init__(self, limiter: trio.CapacityLimiter, timeout_seconds: float) -> None:
        """Wait ``timeout_seconds`` for each call; 0 = as long as it takes."""
        self._limiter = limiter
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._running: set[object] = set()
        self._stuck: dict[object, object] = {}

    @property
    def stuck(self) -> int:
        """Count the calls that were left to themselves and have not returned."""
        return len(self._stuck)

    def hold(self, thing: object) -> bool:
        """Tell whether a method of ``thing`` was given up and may still do its work."""
        with self._lock:
            return any(held is thing for held in self._stuck.values())

    async def run_sync(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run ``work`` in a thread; raise WRITE_FAILED when it takes too long.

        Cancellation waits for it too, for so long at most: its files are not to be touched by
        anybody else meanwhile.
        """
        call = object()

        def run() -> _T:
            try:
                self._check_wanted(call)
                return work(*args, **kwargs)
            finally:
                self._note_return(call)

        async with self._limiter:
            if self.stuck >= MOST_STUCK:
                raise self._no_answer()
            self._running.add(call)
            with trio.CancelScope(relative_deadline=self._patience_seconds, shield=True):
                return await trio.to_thread.run_sync(
                    run, limiter=trio.CapacityLimiter(1), abandon_on_cancel=True
                )
        self._give_up(call, getattr(work, "__self__", None))
        raise self._no_answer()

    @property
    def _patience_seconds(self) -> float:
        return self._timeout_seconds or math.inf

    def _note_return(self, call: object) -> None:
        with self._lock:
            self._running.discard(call)
            self._stuck.pop(call, None)

    def _give_up(self, call: object, thing: object) -> None:
        with self._lock:
            if call in self._running:
                self._stuck[call] = thing

    def _check_wanted(self, call: object) -> None:
        """Let a call that was given up before it began do nothing."""
        with self._lock:
            if call in self._stuck:
                raise self._no_answer()

    def _no_answer(self) -> RowferryError:
        message = "A disk of the service did not answer in time."
        context = {"write_timeout_seconds": self._timeout_seconds}
        return RowferryError(ErrorCode.WRITE_FAILED, message, context)
