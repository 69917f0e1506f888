"""Calls of a storage: in threads, within deadlines, and once more when that helps.

A storage only says what went wrong; how often it is asked again is decided here.
"""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.retry import RetryPolicy
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.file_span import FileSpan
from rowferry.ports import Observer, PartSource

_T = TypeVar("_T")

CALL_SECONDS: Final = 120.0  # longer than a storage's own timeouts: for threads that hang
STOP_SECONDS: Final = 5.0  # for a call that nobody waits for any more, before it is left alone
SLOWEST_BYTES_PER_SECOND: Final = 64 << 10  # of a line that is still waited for
RETRY_BASE_SECONDS: Final = 0.2
RETRY_CAP_SECONDS: Final = 20.0
_ONCE: Final = frozenset({FaultKind.TOKEN_EXPIRED, FaultKind.CLOCK_SKEWED})


class FileBody:
    """A span of a file as the body of a request, opened for each try in the thread that sends."""

    def __init__(self, path: Path, start: int, size_bytes: int) -> None:
        self._path = path
        self._start = start
        self.size_bytes: Final = size_bytes
        self._span: FileSpan | None = None

    @property
    def seconds(self) -> float:
        """How long sending it may take."""
        return CALL_SECONDS + self.size_bytes / SLOWEST_BYTES_PER_SECOND

    def use(self, call: Callable[[PartSource], _T]) -> _T:
        """Open the span for one call: blocking; raise WRITE_FAILED when there is no file."""
        try:
            span = FileSpan(self._path, self._start, self.size_bytes)
        except OSError as error:
            message = "The finished file can't be read."
            raise RowferryError(ErrorCode.WRITE_FAILED, message) from error
        self._span = span
        try:
            return call(span)
        except OSError as error:  # stopped, or the file is being written once more
            message = "The file can't be read at the moment."
            raise StorageFault(FaultKind.TRANSIENT, message) from error
        finally:
            span.close()

    def stop(self) -> None:
        """Make a thread that sends it give up."""
        if self._span is not None:
            self._span.stop()


class _CallInThread(Generic[_T]):
    """A call whose time runs from its start in a thread, and whose end can be waited for."""

    def __init__(self, call: Callable[[], _T], seconds: float) -> None:
        self._call = call
        self._seconds = seconds
        self._token = trio.lowlevel.current_trio_token()
        self._began = threading.Event()
        self._returned = threading.Event()
        self.scope: Final = trio.CancelScope()
        self.ended: Final = trio.Event()

    @property
    def is_running(self) -> bool:
        return self._began.is_set() and not self._returned.is_set()

    def run(self) -> _T:
        self._began.set()
        self._tell(self._start_clock)
        try:
            return self._call()
        finally:
            self._returned.set()
            self._tell(self.ended.set)

    def _start_clock(self) -> None:
        self.scope.deadline = trio.current_time() + self._seconds

    def _tell(self, what: Callable[[], None]) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(what)


class StorageCalls:
    """Runs blocking calls; ``threads`` bounds those of all exports together."""

    def __init__(
        self,
        *,
        threads: trio.CapacityLimiter,
        max_retries: int,
        chance: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._threads = threads
        self._retry = RetryPolicy(
            max_attempts=max_retries + 1,
            base_seconds=RETRY_BASE_SECONDS,
            cap_seconds=RETRY_CAP_SECONDS,
        )
        self._chance = chance
        self._observer = observer

    async def run(
        self,
        name: str,
        call: Callable[[], _T],
        *,
        seconds: float = CALL_SECONDS,
        stop: Callable[[], None] | None = None,
    ) -> _T:
        """Make a call, again where that helps; raise the last StorageFault, or its other error.

        A call that is cancelled or takes longer than ``seconds``, once it has a thread, is told
        by ``stop``, and left to end there.
        """
        tried: list[FaultKind] = []
        while True:
            try:
                return await self.once(call, seconds=seconds, stop=stop)
            except StorageFault as fault:
                delay = self._delay(fault, tried)
                if delay is None:
                    raise
                self._report(name, fault, delay)
                tried.append(fault.kind)
            await trio.sleep(delay)

    async def send(self, name: str, body: FileBody, call: Callable[[PartSource], _T]) -> _T:
        """Make a call that sends a body."""
        return await self.run(name, lambda: body.use(call), seconds=body.seconds, stop=body.stop)

    async def once(
        self,
        call: Callable[[], _T],
        *,
        seconds: float = CALL_SECONDS,
        stop: Callable[[], None] | None = None,
    ) -> _T:
        """Make a call that can't be made again; otherwise as ``run``."""
        call_in_thread = _CallInThread(call, seconds)
        try:
            with call_in_thread.scope:
                return await trio.to_thread.run_sync(
                    call_in_thread.run, abandon_on_cancel=True, limiter=self._threads
                )
        finally:
            if call_in_thread.is_running:
                if stop is not None:
                    stop()
                with trio.move_on_after(STOP_SECONDS, shield=True):
                    await call_in_thread.ended.wait()
        raise StorageFault(FaultKind.TRANSIENT, "The storage did not answer in time.")

    def _delay(self, fault: StorageFault, tried: list[FaultKind]) -> float | None:
        """Tell how long to wait before the next try; None if there is none."""
        helps_once = fault.kind in _ONCE and fault.kind not in tried
        if fault.kind is not FaultKind.TRANSIENT and not helps_once:
            return None
        return self._retry.delay_seconds(fault.code, len(tried) + 1, self._chance())

    def _report(self, name: str, fault: StorageFault, delay: float) -> None:
        self._observer.observe(
            events.StorageCallRetried(
                call=name,
                kind=fault.kind,
                storage_code=fault.reason,
                message=fault.message,
                in_seconds=delay,
            )
        )
        if fault.kind is FaultKind.CLOCK_SKEWED:
            self._observer.observe(
                events.StorageAlert(
                    kind=fault.kind, storage_code=fault.reason, message=fault.message
                )
            )
