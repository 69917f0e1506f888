"""Rows of a data provider: one thread reads the next span while another writes the last one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Final, TypeVar

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.byte_budget import ByteAccount, ByteBudget
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask
from rowferry.export.task_journal import names
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import Observer, PulledSource

_T = TypeVar("_T")
STOP_SECONDS: Final = 10.0  # for a provider to notice that nobody wants its rows any more
CANCEL_AGAIN_SECONDS: Final = 1.0
_OF_PROVIDER: Final = frozenset({
    ErrorCode.PROVIDER_FAILED,
    ErrorCode.PROVIDER_REFUSED,
    ErrorCode.PROVIDER_TIMEOUT,
})  # fmt: skip


class PulledFeed:
    """A ``RowFeed`` on a provider. Its thread is held for as long as there are rows.

    Spans are handed over, not queued: one is being written and one is in the provider's hands, at
    most, whatever the number of rows. Bytes that wait are counted as rows read ahead.
    """

    def __init__(
        self,
        live: LiveTask,
        source: PulledSource,
        *,
        budget: ByteBudget,
        quotas: DayQuotas,
        observer: Observer,
        span_bytes: int,
        writer_threads: DiskThreads,
        provider_threads: trio.CapacityLimiter,
        provider_call_threads: trio.CapacityLimiter,
    ) -> None:
        self._live = live
        self._source = source
        self._budget = budget
        self._quotas = quotas
        self._observer = observer
        self._span_bytes = span_bytes
        self._writer_threads = writer_threads
        self._provider_threads = provider_threads
        self._provider_call_threads = provider_call_threads
        self._spans_in, self._spans_out = trio.open_memory_channel[tuple[ByteAccount, bytes]](0)
        self._handing_over = trio.CancelScope()
        self._stopping = False
        self._patience = trio.CancelScope(shield=True)
        self._failure: RowferryError | None = None
        self._read_over = trio.Event()
        self._thread_runs = False
        self._read_whole = False
        self.rows = 0
        self.ended = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read while the block runs; a provider that is not through at its end is cancelled."""
        self._live.rows_appended(0)
        async with open_plain_nursery() as nursery:
            nursery.start_soon(self._read)
            try:
                yield
            finally:
                with trio.CancelScope(shield=True):  # bounded inside
                    await self._stop()

    async def move(self, write: Callable[[bytes], _T]) -> tuple[int, _T] | None:
        """Wait for a span and write it; None behind the last one. Raises what stopped reading."""
        try:
            account, frames = await self._spans_out.receive()
        except trio.EndOfChannel:
            if self._failure is not None:
                raise self._failure from self._failure.__cause__
            self.ended = True
            return None
        with account:
            written = await self._writer_threads.run_sync(write, frames)
        return len(frames), written

    async def _read(self) -> None:
        with self._spans_in, self._patience:
            try:
                await trio.to_thread.run_sync(
                    self._read_in_thread, limiter=self._provider_threads, abandon_on_cancel=True
                )
            except RowferryError as error:
                self._note_failure(error)
        self._read_over.set()
        if self._patience.cancelled_caught and self._thread_runs:
            message = f"A data provider went on for {STOP_SECONDS:.0f} s after it was cancelled."
            self._report(RowferryError(ErrorCode.PROVIDER_FAILED, message))

    def _read_in_thread(self) -> None:
        trio.from_thread.run_sync(self._note_thread)
        with closing(self._source):
            if not self._live.expected_rows:
                expected_rows = self._source.count()
                trio.from_thread.run_sync(self._live.expect_rows, expected_rows or 0)
            while frames := self._source.read(self._span_bytes):
                if not trio.from_thread.run(self._hand_over, frames, self._source.rows):
                    return
        trio.from_thread.run_sync(self._note_end)

    def _note_thread(self) -> None:
        self._thread_runs = True

    def _note_end(self) -> None:
        self._read_whole = True
        self._live.expect_rows(self.rows)

    def _note_failure(self, error: RowferryError) -> None:
        self._failure = error
        if error.code in _OF_PROVIDER and not self._stopping:
            self._report(error)

    async def _hand_over(self, frames: bytes, rows: int) -> bool:
        """Give a span to the writer, when there is room for it and its turn; False = stop."""
        if self._stopping:
            return False
        account = self._budget.open_read_ahead()
        with trio.CancelScope() as self._handing_over:
            try:
                await account.acquire(len(frames))
                await self._spans_in.send((account, frames))
            except BaseException:
                account.release()
                raise
            self._quotas.count(self._live.task.client, rows - self.rows, len(frames))
            self.rows = rows
            self._live.rows_appended(rows)
        return not self._stopping

    async def _stop(self) -> None:
        """Tell the provider that nobody wants its rows, and wait for it for so long."""
        self._stopping = True
        self._handing_over.cancel()
        if self._read_whole or self._failure is not None:
            return
        if not self._thread_runs:
            self._patience.cancel()
            return
        self._patience.deadline = trio.current_time() + STOP_SECONDS
        with trio.CancelScope(deadline=self._patience.deadline):
            while not self._read_over.is_set():
                await self._cancel_source()
                with trio.move_on_after(CANCEL_AGAIN_SECONDS):
                    await self._read_over.wait()

    async def _cancel_source(self) -> None:
        try:
            await trio.to_thread.run_sync(
                self._source.cancel, limiter=self._provider_call_threads, abandon_on_cancel=True
            )
        except RowferryError as error:
            self._report(error)

    def _report(self, error: RowferryError) -> None:
        """Tell operators what clients are not told: the provider's own words."""
        task = self._live.task
        self._observer.observe(
            events.ProviderFailed(**names(task), provider=task.provider, error=error)
        )
