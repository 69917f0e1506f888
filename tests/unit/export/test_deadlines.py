"""Tasks that nobody brings further end, with the reason."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import SystemError  # noqa: A004  the event
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task, TaskState
from rowferry.export.deadlines import TICK_SECONDS
from rowferry.export.live_task import LiveTask
from rowferry.ports import BatchMessage
from rowferry.taskstore.memory import MemoryTaskStore
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
Encode = Callable[..., list[BatchMessage]]
ROWS: list[Row] = [("1", "a")]
WINDOW_SECONDS = 60


async def _pass(site: Site, clock: MockClock, seconds: float) -> None:
    """Let time pass, and the look at all tasks that follows."""
    clock.jump(seconds)
    await site.settled()
    clock.jump(TICK_SECONDS)
    await site.settled()


async def _leave(site: Site, spec: ExportSpec, encode: Encode) -> LiveTask:
    """Send some rows and go away in the middle."""
    with await site.open(spec) as session:
        await session.append(encode([ROWS]))
    await site.settled()
    return session.live


async def test_task_whose_client_stays_away_fails_as_lost(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        live = await _leave(site, make_spec(), encode)
        await _pass(site, mock_clock, WINDOW_SECONDS - 5)
        assert not live.task.is_final
        await _pass(site, mock_clock, 5)
        task = await site.ended(live)
    assert (task.state, task.error_code) == (TaskState.FAILED, "STREAM_LOST")
    assert task.rows_received == 1
    assert site.remains() == []


async def test_task_that_waits_in_vain_before_it_ever_ran_is_lost_too(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        site.exports.dispatcher.stop_claiming()
        live = await _leave(site, make_spec(), encode)
        await _pass(site, mock_clock, WINDOW_SECONDS)
        task = await site.ended(live)
    assert (task.state, task.error_code, task.attempt) == (TaskState.FAILED, "STREAM_LOST", 0)
    assert len(site.adapters.queue) == 0


async def test_failure_of_the_stream_is_the_reason_when_nobody_comes_back(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(encode([ROWS]))
            context = {"row": "2", "expected": "2", "got": "3"}
            session.broke(RowferryError(ErrorCode.INVALID_ROW, "Too wide.", context))
        await site.settled()
        await _pass(site, mock_clock, WINDOW_SECONDS)
        task = await site.ended(session.live)
    assert (task.error_code, task.error_context["row"]) == ("INVALID_ROW", "2")


async def test_client_that_comes_back_in_time_is_not_counted_as_away(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        live = await _leave(site, make_spec(), encode)
        await _pass(site, mock_clock, WINDOW_SECONDS - 5)
        with await site.open(make_spec()) as session:
            await _pass(site, mock_clock, WINDOW_SECONDS * 10)
            await session.append(encode([ROWS], start=2))
        await _pass(site, mock_clock, WINDOW_SECONDS - 5)
        with await site.open(make_spec()) as session:
            await session.end(2)
        assert (await site.ended(live)).state is TaskState.COMPLETED


async def test_whole_task_needs_no_client(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    site.writers.gate.close()
    async with site.running():
        await site.push(make_spec("running"), ROWS)
        await site.writers.gate.reached()
        waiting = await site.push(make_spec("waiting"), ROWS)
        mock_clock.jump(WINDOW_SECONDS * 10)
        await trio.testing.wait_all_tasks_blocked()
        site.writers.gate.open()
        assert (await site.ended(waiting)).state is TaskState.COMPLETED


async def test_task_that_gets_no_slot_in_time_fails(
    make_site: MakeSite, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    site = make_site(concurrency={"queue_timeout_seconds": 100})
    async with site.running():
        site.exports.dispatcher.stop_claiming()
        live = await site.push(make_spec(), ROWS)
        await _pass(site, mock_clock, 95)
        assert not live.task.is_final
        await _pass(site, mock_clock, 5)
        task = await site.ended(live)
    assert (task.state, task.error_code) == (TaskState.FAILED, "QUEUE_TIMEOUT")
    assert len(site.adapters.queue) == 0
    assert site.remains() == []


async def test_running_task_has_left_the_queue(
    make_site: MakeSite, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    site = make_site(concurrency={"queue_timeout_seconds": 100})
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(encode([ROWS]))
            await site.settled()
            await _pass(site, mock_clock, 1000)
            assert session.live.task.state is TaskState.PROCESSING
            await session.end(0)
        assert (await site.ended(session.live)).state is TaskState.COMPLETED


async def test_task_that_is_ending_otherwise_is_left_alone(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        live = await _leave(site, make_spec(), encode)
        await live.log_lock.acquire()  # keeps its remains from being removed
        async with trio.open_nursery() as nursery:
            nursery.start_soon(site.exports.commands.cancel, "shop", live.task.id, "")
            await site.settled()
            await _pass(site, mock_clock, WINDOW_SECONDS // 3)
            live.log_lock.release()
        assert (await site.ended(live)).state is TaskState.CANCELLED


async def test_store_that_fails_is_reported_and_asked_again(
    site: Site,
    make_spec: MakeSpec,
    encode: Encode,
    mock_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    events: EventNotes,
) -> None:
    async def fail(*_: object, expected: TaskState) -> Task:
        await trio.lowlevel.checkpoint()
        raise RowferryError(ErrorCode.INTERNAL, f"The task database failed after {expected}.")

    async with site.running():
        live = await _leave(site, make_spec(), encode)
        with monkeypatch.context() as patch:
            patch.setattr(MemoryTaskStore, "update", fail)
            await _pass(site, mock_clock, WINDOW_SECONDS)
        assert {event.where for event in events.of(SystemError)} == {"deadlines"}
        await _pass(site, mock_clock, 0)
        assert (await site.ended(live)).state is TaskState.FAILED
