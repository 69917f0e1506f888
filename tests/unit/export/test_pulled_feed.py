"""A provider is read ahead of the writer, in bounds, and hears when nobody wants its rows."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.access.everybody import Everybody
from rowferry.domain import events as event_kinds
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import Source, Task
from rowferry.export import pulled_feed
from rowferry.export.byte_budget import ByteBudget
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask
from rowferry.export.pulled_feed import STOP_SECONDS
from rowferry.export.row_feed import SPAN_BYTES, RowFeed, RowFeeds
from rowferry.providers.registry import ProviderRegistry
from rowferry.taskstore.memory import MemoryTaskStore
from tests.unit.export.in_memory import TWO_COLUMNS, EventNotes
from tests.unit.export.in_pieces import InPieces

SPAN = "a" * SPAN_BYTES  # one row that is handed over alone
SPEC = replace(TWO_COLUMNS, provider="in_pieces")


def _live(expected_rows: int = 0) -> LiveTask:
    task = Task(
        id="t",
        client="shop",
        request_id="r",
        request_hash="",
        format=SPEC.format,
        filename="f",
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        source=Source.PULL,
        provider="in_pieces",
        expected_rows=expected_rows,
    )
    return LiveTask(task, SPEC, None)


class Reading:
    """A feed on a provider, and what it stands on."""

    def __init__(self, provider: InPieces, events: EventNotes) -> None:
        self.provider = provider
        self.live = _live()
        self.budget = ByteBudget(32 << 20)
        self.provider_threads = trio.CapacityLimiter(1)
        self.feeds = RowFeeds(
            providers=ProviderRegistry([provider]),
            budget=self.budget,
            quotas=DayQuotas(
                store=MemoryTaskStore(),
                rules=Everybody(),
                node_id="here",
                observer=events,
                now=lambda: datetime.now(UTC),
            ),
            observer=events,
            writer_threads=DiskThreads(trio.CapacityLimiter(1), 0),
            provider_threads=self.provider_threads,
            provider_call_threads=trio.CapacityLimiter(1),
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[RowFeed]:
        async with self.feeds.open(self.live) as feed:
            yield feed

    async def until(self, happened: threading.Event) -> None:
        limiter = trio.CapacityLimiter(1)
        assert await trio.to_thread.run_sync(happened.wait, 20, limiter=limiter)


@pytest.fixture
def provider() -> InPieces:
    return InPieces()


@pytest.fixture
async def reading(provider: InPieces, events: EventNotes) -> Reading:
    return Reading(provider, events)


async def _all(feed: RowFeed, write: Callable[[bytes], object] = len) -> int:
    total = 0
    while (moved := await feed.move(write)) is not None:
        total += moved[0]
    return total


async def test_rows_are_moved_and_their_end_is_told(reading: Reading) -> None:
    reading.provider.put([(1, "a"), (2, "b")], [(3, "c")]).end()
    async with reading.opened() as feed:
        assert await _all(feed)
        assert feed.ended
        assert feed.rows == 3
    assert reading.live.rows_received == 3
    assert reading.live.snapshot().rows_total == 3
    assert reading.budget.used_bytes == 0


async def test_next_span_is_read_while_one_is_written(reading: Reading) -> None:
    reading.provider.put([(1, SPAN)], [(2, SPAN)])
    async with reading.opened() as feed:

        def write(frames: bytes) -> None:
            while reading.budget.used_bytes < 2 << 20:  # the second one waits for its turn
                pass

        await feed.move(write)
        reading.provider.end()
        await _all(feed)
    assert reading.budget.used_bytes == 0


async def test_count_of_the_provider_makes_progress_known(reading: Reading) -> None:
    reading.provider.total = 4
    reading.provider.put([(1, "a")])
    async with reading.opened() as feed:
        await reading.until(reading.provider.reading)
        assert reading.live.expected_rows == 4
        reading.provider.end()
        await _all(feed)
    assert reading.live.snapshot().rows_total == 1  # the truth in the end


async def test_failure_comes_behind_the_rows_before_it(
    reading: Reading, events: EventNotes
) -> None:
    reading.provider.put([(1, SPAN)], ValueError("where the password is"))
    async with reading.opened() as feed:
        assert await feed.move(len) is not None
        with pytest.raises(RowferryError) as failed:
            await feed.move(len)
    assert failed.value.code is ErrorCode.PROVIDER_FAILED
    told = events.of(event_kinds.ProviderFailed)
    assert [event.provider for event in told] == ["in_pieces"]
    assert isinstance(told[0].error.__cause__, ValueError)


async def test_refusal_of_the_provider_is_no_event(reading: Reading, events: EventNotes) -> None:
    reading.provider.put(RowferryError(ErrorCode.NOT_FOUND, "There is no such shop."))
    async with reading.opened() as feed:
        with pytest.raises(RowferryError, match="no such shop"):
            await feed.move(len)
    assert not events.of(event_kinds.ProviderFailed)


async def test_failure_of_the_writer_arrives_as_itself(reading: Reading) -> None:
    def write(frames: bytes) -> None:
        raise RowferryError(ErrorCode.DISK_FULL, "full")

    reading.provider.put([(1, SPAN)])
    with pytest.raises(RowferryError, match="full"):
        async with reading.opened() as feed:
            await feed.move(write)
    assert reading.provider.ended.is_set()


async def test_cancelled_export_wakes_its_provider(reading: Reading, events: EventNotes) -> None:
    with trio.CancelScope() as scope:
        async with reading.opened() as feed:
            await reading.until(reading.provider.reading)
            scope.cancel()
            await feed.move(len)
    assert scope.cancelled_caught
    assert reading.provider.cancelled.is_set()
    assert reading.provider.ended.is_set()
    assert not events.of(event_kinds.ProviderFailed)
    assert reading.provider_threads.borrowed_tokens == 0


async def test_provider_is_cancelled_again_until_it_ends(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulled_feed, "CANCEL_AGAIN_SECONDS", 0.001)
    reading.provider.misses = 3
    with trio.CancelScope() as scope:
        async with reading.opened():
            await reading.until(reading.provider.reading)
            scope.cancel()
            await trio.sleep_forever()
    assert reading.provider.ended.is_set()


async def test_provider_that_hands_over_is_stopped_too(reading: Reading) -> None:
    reading.provider.put([(1, SPAN)])
    with trio.CancelScope() as scope:
        async with reading.opened():
            while not reading.budget.used_bytes:
                await trio.lowlevel.checkpoint()
            scope.cancel()
            await trio.sleep_forever()
    assert reading.provider.ended.is_set()
    assert reading.budget.used_bytes == 0


async def test_export_that_waits_for_a_thread_is_cancelled_at_once(reading: Reading) -> None:
    async with reading.provider_threads:
        with trio.CancelScope() as scope:
            async with reading.opened():
                await wait_all_tasks_blocked()
                scope.cancel()
                await trio.sleep_forever()
    assert not reading.provider.reading.is_set()


async def test_provider_that_does_not_listen_is_left_behind(
    reading: Reading, events: EventNotes, autojump_clock: MockClock
) -> None:
    reading.provider.stubborn = True
    began = trio.current_time()
    with trio.CancelScope() as scope:
        async with reading.opened():
            autojump_clock.autojump_threshold = float("inf")
            await reading.until(reading.provider.reading)
            autojump_clock.autojump_threshold = 0
            scope.cancel()
            await trio.sleep_forever()
    assert trio.current_time() - began == pytest.approx(STOP_SECONDS, abs=1)
    assert len(events.of(event_kinds.ProviderFailed)) == 1
    autojump_clock.autojump_threshold = float("inf")
    reading.provider.end()  # its thread may go now
    await reading.until(reading.provider.ended)


async def test_provider_that_is_gone_is_worth_another_try(events: EventNotes) -> None:
    reading = Reading(InPieces(), events)
    reading.live = LiveTask(_live().task, replace(SPEC, provider="gone"), None)
    with pytest.raises(RowferryError) as failed:
        async with reading.opened():
            pass
    assert failed.value.code is ErrorCode.PROVIDER_FAILED
