"""Where the pipeline gets rows: one seam for logs that grow and for providers that are read."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Final, Protocol, TypeVar

import trio

from rowferry.export.byte_budget import ByteBudget
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask
from rowferry.export.pulled_feed import PulledFeed
from rowferry.ports import DataProviders, Observer, RowSource

_T = TypeVar("_T")
SPAN_BYTES: Final = 1 << 20  # rows a thread hop: long enough that the hop's cost vanishes


class RowFeed(Protocol):
    """The rows of one attempt, from the first on."""

    async def move(self, write: Callable[[bytes], _T]) -> tuple[int, _T] | None:
        """Hand one span of whole frames to ``write``, in a writer's thread.

        Returns the span's bytes and what ``write`` returned; None if there are no rows now.
        """

    @property
    def rows(self) -> int:
        """Rows moved so far."""

    @property
    def ended(self) -> bool:
        """Tell whether there are no more rows."""


class LogFeed:
    """Reads a pushed task's log in the thread that writes; never waits for rows."""

    def __init__(self, source: RowSource, budget: ByteBudget, writer_threads: DiskThreads) -> None:
        self._source = source
        self._budget = budget
        self._writer_threads = writer_threads

    async def move(self, write: Callable[[bytes], _T]) -> tuple[int, _T] | None:
        """Hand on what the log has, a span at most."""

        def step() -> tuple[int, _T] | None:
            frames = self._source.read(SPAN_BYTES)
            return (len(frames), write(frames)) if frames else None

        with self._budget.open_read_ahead() as account:
            await account.acquire(SPAN_BYTES)
            return await self._writer_threads.run_sync(step)

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self._source.rows

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows has been read."""
        return self._source.ended


class RowFeeds:
    """Opens the feed that a task's rows come by."""

    def __init__(
        self,
        *,
        providers: DataProviders,
        budget: ByteBudget,
        quotas: DayQuotas,
        observer: Observer,
        writer_threads: DiskThreads,
        provider_threads: trio.CapacityLimiter,
        provider_call_threads: trio.CapacityLimiter,
    ) -> None:
        self._providers = providers
        self._budget = budget
        self._quotas = quotas
        self._observer = observer
        self._writer_threads = writer_threads
        self._provider_threads = provider_threads
        self._provider_call_threads = provider_call_threads

    @asynccontextmanager
    async def open(self, live: LiveTask) -> AsyncIterator[RowFeed]:
        """Start at the first row; leaving the block stops reading, a provider included."""
        if live.is_pushed:
            with closing(await self._writer_threads.run_sync(live.log.reader)) as source:
                yield LogFeed(source, self._budget, self._writer_threads)
            return
        feed = PulledFeed(
            live,
            self._providers.open(live.spec),
            budget=self._budget,
            quotas=self._quotas,
            observer=self._observer,
            span_bytes=SPAN_BYTES,
            writer_threads=self._writer_threads,
            provider_threads=self._provider_threads,
            provider_call_threads=self._provider_call_threads,
        )
        async with feed.reading():
            yield feed
