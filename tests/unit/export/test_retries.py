"""An attempt that failed for a reason that may pass is followed by another one."""

from collections.abc import Callable

import pytest
from trio.testing import MockClock

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import TaskFailed, TaskRequeued, TaskRetryScheduled
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import TaskState
from rowferry.export.live_task import LiveTask
from rowferry.export.scheduler import TICK_SECONDS
from rowferry.ports import BatchMessage
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
Encode = Callable[..., list[BatchMessage]]
ROWS: list[Row] = [("1", "a"), ("2", "b")]
MORE: list[Row] = [("3", "c")]
AT_ONCE = {"base_seconds": 0.0}
KEPT = {"failed_spool_seconds": 3600}


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """Three attempts, one behind the other."""
    return make_site(retry={"max_attempts": 3, **AT_ONCE}, retention=KEPT)


async def _tick(site: Site, clock: MockClock) -> None:
    await site.settled()
    clock.jump(TICK_SECONDS)
    await site.settled()


async def _failing(site: Site, spec: ExportSpec, code: ErrorCode) -> LiveTask:
    live = await site.push_to_failure(spec, ROWS, RowferryError(code, "It failed."))
    await site.settled()
    return live


async def test_failure_that_may_pass_is_followed_by_another_attempt_and_its_file(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    async with site.running():
        live = await _failing(site, make_spec(), ErrorCode.WRITE_FAILED)
        assert live.task.awaits_retry
        site.writers.failure = None
        await _tick(site, mock_clock)
        task = await site.ended(live)
    assert (task.state, task.attempt, task.error_code) == (TaskState.COMPLETED, 2, "")
    assert task.object_key == f"exports/{task.id}/2.csv"
    assert site.storage.content(task.object_key) == b"id,name\r\n1,a\r\n2,b\r\n"
    assert [event.attempt for event in events.of(TaskRequeued)] == [2]
    assert [event.attempt for event in events.of(TaskRetryScheduled)] == [1]


async def test_task_that_fails_every_time_fails_for_good_with_its_rows_kept(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    async with site.running():
        live = await _failing(site, make_spec(), ErrorCode.STORAGE_UNAVAILABLE)
        await _tick(site, mock_clock)
        await _tick(site, mock_clock)
        task = await site.ended(live)
    assert (task.state, task.attempt) == (TaskState.FAILED, 3)
    assert task.is_final
    assert task.spool_expires_at is not None
    assert site.adapters.spool.task_ids() == [task.id]
    assert site.temporary_files() == []
    assert len(events.of(TaskFailed)) == 1


async def test_failure_of_the_rows_is_final_at_once(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await _failing(site, make_spec(), ErrorCode.INVALID_ROW)
        task = await site.ended(live)
    assert (task.state, task.attempt, task.run_at) == (TaskState.FAILED, 1, None)


async def test_status_says_when_a_failed_task_is_tried_again(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(retry={"max_attempts": 2, "base_seconds": 600.0})
    async with site.running():
        live = await _failing(site, make_spec(), ErrorCode.WRITE_FAILED)
        view = await site.exports.queries.wait("shop", live.task.id, -1)
    assert view.task.state is TaskState.FAILED
    assert view.task.next_attempt_at is not None
    assert not view.task.is_final


async def test_door_goes_on_taking_rows_while_another_attempt_is_due(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session, session.scope:
            site.writers.failure = RowferryError(ErrorCode.WRITE_FAILED, "It failed.")
            await session.append(encode([ROWS]))
            await site.settled()
            assert session.live.task.awaits_retry
            site.writers.failure = None
            await session.append(encode([MORE], start=2))
            await _tick(site, mock_clock)
            await session.end(3)
        task = await site.ended(session.live)
    assert (task.state, task.rows_written) == (TaskState.COMPLETED, 3)
    assert site.storage.content(task.object_key) == b"id,name\r\n1,a\r\n2,b\r\n3,c\r\n"


async def test_final_failure_while_rows_come_ends_their_stream(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session, session.scope:
            site.writers.failure = RowferryError(ErrorCode.INVALID_ROW, "No.")
            await session.append(encode([ROWS]))
            await session.live.ended.wait()
        with pytest.raises(RowferryError) as caught:
            await site.exports.intake.resume("shop", session.live.task.id)
    assert session.scope.cancelled_caught
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert caught.value.context["error_code"] == "INVALID_ROW"


async def test_client_that_stays_away_from_a_task_that_waits_for_its_retry_loses_it(
    make_site: MakeSite, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    site = make_site(retry={"max_attempts": 2, "base_seconds": 86_000.0})
    async with site.running():
        with await site.open(make_spec()) as session:
            site.writers.failure = RowferryError(ErrorCode.WRITE_FAILED, "It failed.")
            await session.append(encode([ROWS]))
            await site.settled()
        mock_clock.jump(site.config.spool.resume_window_seconds + 2)
        task = await site.ended(session.live)
    assert (task.state, task.error_code, task.run_at) == (TaskState.FAILED, "STREAM_LOST", None)


async def test_task_that_waits_for_its_retry_goes_on_after_a_restart(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    async with site.running():
        live = await _failing(site, make_spec(), ErrorCode.WRITE_FAILED)
    site.writers.failure = None
    again = site.restarted()
    await again.exports.recovery.run()
    found = again.live_tasks.get(live.task.id)
    assert found is not None
    async with again.running():
        await _tick(again, mock_clock)
        task = await again.ended(found)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 2)


async def test_cancelled_task_is_not_tried_again(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    async with site.running():
        live = await _failing(site, make_spec(), ErrorCode.WRITE_FAILED)
        await site.exports.commands.cancel("shop", live.task.id, "enough")
        await _tick(site, mock_clock)
    assert (await site.task(live)).state is TaskState.CANCELLED
    assert site.remains() == []
