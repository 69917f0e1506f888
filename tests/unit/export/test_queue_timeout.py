"""A task waits for a slot so long and no longer: from each time that it enters the queue."""

from collections.abc import Callable

import pytest
from trio.testing import MockClock

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import TaskQueued, TaskRetryScheduled
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task, TaskState
from rowferry.export.scheduler import TICK_SECONDS
from tests.record_batches import Row
from tests.unit.export.in_memory import CLIENT, EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
ROWS: list[Row] = [("1", "a")]
TIMEOUT_SECONDS = 100
DISK_ERROR = RowferryError(ErrorCode.WRITE_FAILED, "The file could not be written.")


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """A service that tries again, and keeps the rows of what failed for good."""
    return make_site(
        concurrency={"queue_timeout_seconds": TIMEOUT_SECONDS},
        retry={"max_attempts": 4, "base_seconds": 0},
        retention={"failed_spool_seconds": 3600},
    )


async def _pass(site: Site, clock: MockClock, seconds: float) -> None:
    """Let time pass, and the look at all tasks that follows."""
    clock.jump(seconds)
    await site.settled()
    clock.jump(TICK_SECONDS)
    await site.settled()


async def _timed_out(site: Site, spec: ExportSpec, clock: MockClock) -> Task:
    """Let a task wait in vain."""
    async with site.running():
        site.exports.dispatcher.stop_claiming()
        live = await site.push(spec, ROWS)
        await _pass(site, clock, TIMEOUT_SECONDS)
        return await site.ended(live)


async def test_timeout_counts_anew_from_every_return_to_the_queue(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    site.writers.failure = DISK_ERROR
    site.writers.gate.close()
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.writers.gate.reached()
        site.exports.dispatcher.stop_claiming()
        mock_clock.jump(TIMEOUT_SECONDS - 10)
        site.writers.gate.open()
        await events.wait_for(TaskRetryScheduled)
        await _pass(site, mock_clock, 0)
        assert live.task.state is TaskState.QUEUED
        await _pass(site, mock_clock, TIMEOUT_SECONDS - 10)
        assert live.task.state is TaskState.QUEUED
        await _pass(site, mock_clock, 10)
        task = await site.ended(live)
    assert (task.state, task.error_code) == (TaskState.FAILED, "QUEUE_TIMEOUT")


async def test_task_that_waited_too_long_is_not_retried_by_itself(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    task = await _timed_out(site, make_spec(), mock_clock)
    assert (task.state, task.error_code, task.run_at) == (TaskState.FAILED, "QUEUE_TIMEOUT", None)
    assert task.is_final
    assert events.of(TaskRetryScheduled) == []
    async with site.restarted().running():
        await _pass(site, mock_clock, 1000)
    assert len(events.of(TaskQueued)) == 1


async def test_task_that_waited_too_long_is_retried_by_hand_with_the_rows_it_has(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    failed = await _timed_out(site, make_spec(), mock_clock)
    assert failed.spool_expires_at is not None
    assert failed.finished_at is not None
    kept = failed.spool_expires_at - failed.finished_at
    assert kept.total_seconds() == pytest.approx(3600, abs=1)
    assert list(site.adapters.spool.task_ids()) == [failed.id]
    later = site.restarted()
    async with later.running():
        await later.exports.commands.retry(CLIENT, failed.id)
        again = later.live_tasks.find(CLIENT, failed.id)
        assert again is not None
        task = await later.ended(again)
    assert (task.state, task.rows_written) == (TaskState.COMPLETED, 1)
