"""Failed tasks are retried and reopened, ended ones deleted, each on the node that can."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import TaskDeleted, TaskExpired, TaskReopened
from rowferry.domain.node import Node
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Source, Task, TaskState
from rowferry.export.live_task import LiveTask
from rowferry.ports import BatchMessage
from rowferry.spool.memory import MemorySpool
from rowferry.taskqueue.memory import MemoryTaskQueue
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
Encode = Callable[..., list[BatchMessage]]
ROWS: list[Row] = [("1", "a"), ("2", "b")]
MORE: list[Row] = [("3", "c")]
FAILURE = RowferryError(ErrorCode.WRITE_FAILED, "It failed.")
FILE = b"id,name\r\n1,a\r\n2,b\r\n"


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """One attempt; the rows of failed tasks are kept."""
    return make_site(retention={"failed_spool_seconds": 3600})


def _elsewhere(site: Site) -> Site:
    """Another node over the same store and storage."""
    adapters = replace(
        site.adapters,
        node=Node(id="elsewhere", process="1"),
        spool=MemorySpool(),
        queue=MemoryTaskQueue(),
    )
    return Site(site.config, adapters, site.events)


async def _failed(site: Site, spec: ExportSpec) -> LiveTask:
    """Push a task whose writer fails."""
    live = await site.push_to_failure(spec, ROWS, FAILURE)
    await live.ended.wait()
    site.writers.failure = None
    return live


async def _lost(site: Site, spec: ExportSpec, encode: Encode, clock: MockClock) -> LiveTask:
    """Open a task whose client stays away."""
    with await site.open(spec) as session:
        await session.append(encode([ROWS]))
    await site.settled()
    clock.jump(site.config.spool.resume_window_seconds + 2)
    await session.live.ended.wait()
    return session.live


async def _refused(site: Site, call: str, task_id: str, client: str = "shop") -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await getattr(site.exports.commands, call)(client, task_id)
    return caught.value


# Retry by hand.


async def test_failed_task_is_retried_from_its_rows(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await _failed(site, make_spec())
        view = await site.exports.commands.retry("shop", live.task.id)
        assert not view.task.is_final
        again = site.live_tasks.get(live.task.id)
        assert again is not None
        task = await site.ended(again)
    assert (task.state, task.attempt, task.error_code) == (TaskState.COMPLETED, 2, "")
    assert task.spool_expires_at is None
    assert site.storage.content(task.object_key) == FILE
    assert site.adapters.spool.task_ids() == []


async def test_retry_does_not_wait_for_the_next_attempt(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(retry={"max_attempts": 2, "base_seconds": 86_000.0})
    async with site.running():
        live = await site.push_to_failure(make_spec(), ROWS, FAILURE)
        await site.settled()
        assert live.task.awaits_retry
        site.writers.failure = None
        await site.exports.commands.retry("shop", live.task.id)
        assert (await site.ended(live)).state is TaskState.COMPLETED


async def test_task_that_waited_too_long_can_be_retried(
    make_site: MakeSite, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    site = make_site(
        concurrency={"queue_timeout_seconds": 100}, retention={"failed_spool_seconds": 3600}
    )
    async with site.running():
        await site.settled()
        site.exports.dispatcher.stop_claiming()
        live = await site.push(make_spec(), ROWS)
        mock_clock.jump(102)
        assert (await site.ended(live)).error_code == "QUEUE_TIMEOUT"
    again = site.restarted()
    async with again.running():
        await again.exports.commands.retry("shop", live.task.id)
        found = again.live_tasks.get(live.task.id)
        assert found is not None
        assert (await again.ended(found)).state is TaskState.COMPLETED


@pytest.mark.parametrize("call", ["retry", "delete"])
async def test_task_that_has_not_ended_is_neither_retried_nor_deleted(
    site: Site, make_spec: MakeSpec, call: str
) -> None:
    session = await site.open(make_spec())
    error = await _refused(site, call, session.live.task.id)
    assert error.code is ErrorCode.INVALID_STATE
    assert error.context["state"] == "QUEUED"


async def test_completed_task_is_not_retried(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.ended(live)
        assert (await _refused(site, "retry", live.task.id)).code is ErrorCode.INVALID_STATE


async def test_task_whose_rows_are_gone_is_not_retried(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(retention={"failed_spool_seconds": 0})
    async with site.running():
        live = await _failed(site, make_spec())
        error = await _refused(site, "retry", live.task.id)
    assert error.code is ErrorCode.INVALID_STATE
    assert error.context["error_code"] == "WRITE_FAILED"


@pytest.mark.parametrize("call", ["retry", "delete"])
async def test_task_of_another_client_is_not_there(
    site: Site, make_spec: MakeSpec, call: str
) -> None:
    async with site.running():
        live = await _failed(site, make_spec())
        assert (await _refused(site, call, live.task.id, "bank")).code is ErrorCode.NOT_FOUND


async def test_retry_at_another_node_is_told_where_the_rows_are(
    site: Site, make_spec: MakeSpec
) -> None:
    async with site.running():
        live = await _failed(site, make_spec())
    error = await _refused(_elsewhere(site), "retry", live.task.id)
    assert error.code is ErrorCode.WRONG_NODE
    assert error.context["node_address"] == site.adapters.node.address


# The same request again.


async def test_lost_stream_is_reopened_at_its_next_batch(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock, events: EventNotes
) -> None:
    async with site.running():
        live = await _lost(site, make_spec(), encode, mock_clock)
        assert (await site.task(live)).error_code == "STREAM_LOST"
        with await site.open(make_spec()) as session:
            task, next_sequence = await session.settled()
            assert (task.id, task.rows_received, next_sequence) == (live.task.id, 2, 2)
            await session.append(encode([MORE], start=2))
            await session.end(3)
        task = await site.ended(session.live)
    assert (task.state, task.error_code) == (TaskState.COMPLETED, "")
    assert site.storage.content(task.object_key) == FILE + b"3,c\r\n"
    assert len(events.of(TaskReopened)) == 1


async def test_lost_stream_whose_rows_are_gone_is_not_reopened(
    make_site: MakeSite, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    site = make_site(retention={"failed_spool_seconds": 0})
    async with site.running():
        live = await _lost(site, make_spec(), encode, mock_clock)
        with pytest.raises(RowferryError) as caught:
            await site.open(make_spec())
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert caught.value.context["task_id"] == live.task.id


async def test_resume_at_another_node_is_told_where_the_rows_are(
    site: Site, make_spec: MakeSpec
) -> None:
    session = await site.open(make_spec())
    with pytest.raises(RowferryError) as caught:
        await _elsewhere(site).exports.intake.resume("shop", session.live.task.id)
    assert caught.value.code is ErrorCode.WRONG_NODE
    assert caught.value.context["task_id"] == session.live.task.id


async def test_task_that_has_all_rows_is_waited_for_at_another_node(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    live = await site.push(make_spec(), ROWS)
    stored = await site.task(live)
    await site.adapters.store.update(replace(stored, rows_ended=True), expected=TaskState.QUEUED)
    admission = await _elsewhere(site).exports.intake.resume("shop", live.task.id)
    assert admission.session is None


async def test_pulled_task_wants_no_rows(site: Site, make_spec: MakeSpec) -> None:
    session = await site.open(make_spec("pushed"))
    pulled = replace(
        session.live.task, id="0" * 32, request_id="pulled", source=Source.PULL, provider="orders"
    )
    await site.adapters.store.create(pulled, {})
    admission = await site.exports.intake.resume("shop", pulled.id)
    assert admission.session is None


# Cancel, wherever the task is.


async def test_task_that_waits_at_another_node_is_cancelled(
    site: Site, make_spec: MakeSpec
) -> None:
    live = await site.push(make_spec(), ROWS)
    view = await _elsewhere(site).exports.commands.cancel("shop", live.task.id, "no")
    assert (view.task.state, view.task.cancel_reason) == (TaskState.CANCELLED, "no")
    await site.exports.scheduler.tick_retention()
    assert site.remains() == []


async def test_task_that_runs_at_another_node_is_cancelled_with_the_next_heartbeat(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    site.writers.gate.close()
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await site.writers.gate.reached()
        nursery.start_soon(_elsewhere(site).exports.commands.cancel, "shop", live.task.id, "no")
        await wait_all_tasks_blocked()
        assert live.task.state is TaskState.PROCESSING
        mock_clock.jump(site.config.lease.heartbeat_seconds)
        await wait_all_tasks_blocked()
        site.writers.gate.open()
        task = await site.ended(live)
    assert (task.state, task.cancel_reason) == (TaskState.CANCELLED, "no")
    assert site.remains() == []


# Delete and expiry.


async def test_deleted_task_leaves_a_tombstone_that_keeps_its_request_id(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.ended(live)
        view = await site.exports.commands.delete("shop", live.task.id)
        with pytest.raises(RowferryError) as caught:
            await site.open(make_spec())
    assert (view.task.state, view.link, view.task.object_key) == (TaskState.EXPIRED, "", "")
    assert site.remains() == []
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert len(events.of(TaskDeleted)) == 1


async def test_deleting_twice_is_no_error(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.ended(live)
        first = await site.exports.commands.delete("shop", live.task.id)
        assert await site.exports.commands.delete("shop", live.task.id) == first


async def test_deleted_failure_leaves_no_rows(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await _failed(site, make_spec())
        assert site.adapters.spool.task_ids() == [live.task.id]
        await site.exports.commands.delete("shop", live.task.id)
    assert site.remains() == []


async def test_failure_deleted_at_another_node_loses_its_rows_at_home(
    site: Site, make_spec: MakeSpec
) -> None:
    async with site.running():
        live = await _failed(site, make_spec())
        await _elsewhere(site).exports.commands.delete("shop", live.task.id)
        assert site.adapters.spool.task_ids() == [live.task.id]
        await site.exports.scheduler.tick_retention()
    assert site.remains() == []


async def test_file_goes_when_its_time_is_over(
    make_site: MakeSite, make_spec: MakeSpec, events: EventNotes
) -> None:
    site = make_site(retention={"file_seconds": 0})
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        assert (await site.ended(live)).state is TaskState.COMPLETED
        await site.exports.scheduler.tick_retention()
    task = await site.task(live)
    assert (task.state, task.object_key) == (TaskState.EXPIRED, "")
    assert site.storage.keys() == []
    assert len(events.of(TaskExpired)) == 1


async def test_export_may_ask_for_another_time(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await site.push(make_spec(retention_seconds=120), ROWS)
        task = await site.ended(live)
    assert task.finished_at is not None
    assert task.file_expires_at == task.finished_at + timedelta(seconds=120)
    assert task.link_expires_at == task.file_expires_at


async def test_rows_of_a_failure_go_when_their_time_is_over(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(retention={"failed_spool_seconds": 1e-6})
    async with site.running():
        live = await _failed(site, make_spec())
        await site.exports.scheduler.tick_retention()
    assert (await site.task(live)).state is TaskState.FAILED
    assert site.remains() == []


async def test_tombstone_is_forgotten_when_its_time_is_over(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(retention={"failed_spool_seconds": 0, "tombstone_seconds": 0})
    async with site.running():
        live = await _failed(site, make_spec())
        await site.exports.scheduler.tick_retention()
        assert await site.adapters.store.get("shop", live.task.id) is None
        assert (await site.open(make_spec())).live.task.id != live.task.id


async def test_kept_rows_survive_a_restart(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await _failed(site, make_spec())
    again = site.restarted()
    await again.exports.recovery.run()
    assert again.adapters.spool.task_ids() == [live.task.id]
    async with again.running():
        await again.exports.commands.retry("shop", live.task.id)
        found = again.live_tasks.get(live.task.id)
        assert found is not None
        assert (await again.ended(found)).state is TaskState.COMPLETED


async def test_two_resumes_at_once_open_one_log(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    tasks: list[Task] = []
    async with site.running() as nursery:

        async def resume() -> None:
            tasks.append((await site.exports.intake.open("shop", make_spec())).task)

        live = await _lost(site, make_spec(), encode, mock_clock)
        nursery.start_soon(resume)
        nursery.start_soon(resume)
        await site.settled()
    assert [task.id for task in tasks] == [live.task.id] * 2
    assert len({id(found) for found in site.live_tasks}) == 1


async def test_rows_whose_log_did_not_open_at_a_start_are_kept_and_can_be_retried(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RowferryError(ErrorCode.WRITE_FAILED, "The disk did not answer.")

    live = await site.push(make_spec(), ROWS)
    again = site.restarted()
    with monkeypatch.context() as patch:
        patch.setattr(MemorySpool, "open", fail)
        await again.exports.recovery.run()
    assert (await again.task(live)).error_code == "WRITE_FAILED"
    assert again.adapters.spool.task_ids() == [live.task.id]
    async with again.running():
        await again.exports.commands.retry("shop", live.task.id)
        found = again.live_tasks.get(live.task.id)
        assert found is not None
        assert (await again.ended(found)).state is TaskState.COMPLETED
