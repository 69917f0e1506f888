"""Clients see their own tasks as they are now, and may end them."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import StatusNotFound, StatusQueried, TaskCancelled
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task, TaskState
from rowferry.export.task_commands import MAX_REASON_CHARS
from rowferry.ports import BatchMessage, TaskQuery
from rowferry.taskstore.memory import MemoryTaskStore
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
Encode = Callable[..., list[BatchMessage]]
ROWS: list[Row] = [("1", "a"), ("2", "b")]


# Status.


async def test_status_of_a_running_task_is_newer_than_the_store(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec(expected_rows=8)) as session:
            live = session.live
            await site.settled()
            mock_clock.jump(4)
            await session.append(encode([ROWS]))
            await site.settled()
            view = await site.exports.queries.status("shop", live.task.id)
            assert (await site.task(live)).rows_written == 0
            assert (view.task.rows_received, view.task.rows_written) == (2, 2)
            assert view.task.progress_percent() == 25.0
            assert (view.rows_per_second, view.remaining_seconds) == (0.5, 12)
            assert (view.next_sequence, view.link) == (2, "")


async def test_remaining_time_is_unknown_while_the_number_of_rows_is(
    site: Site, make_spec: MakeSpec
) -> None:
    session = await site.open(make_spec())
    view = await site.exports.queries.status("shop", session.live.task.id)
    assert (view.rows_per_second, view.remaining_seconds) == (0.0, -1)
    assert view.task.progress_percent() == 0.0


async def test_completed_task_has_its_link_and_takes_no_rows(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await live.ended.wait()
    view = await site.exports.queries.status("shop", live.task.id)
    assert view.task.state is TaskState.COMPLETED
    assert view.link.startswith("http://files.example/d/")
    assert view.next_sequence == 0
    assert events.of(StatusQueried)[-1].state == "COMPLETED"


async def test_link_is_there_before_the_last_remains_are_gone(
    site: Site, make_spec: MakeSpec
) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await live.log_lock.acquire()
        await live.changed.wait_for(lambda: live.task.is_final)
        view = await site.exports.queries.status("shop", live.task.id)
        live.log_lock.release()
        await live.ended.wait()
        after = await site.exports.queries.status("shop", live.task.id)
    assert (view.link, view.task.rows_written) == (after.link, after.task.rows_written)


@pytest.mark.parametrize("task_id", ["", "0" * 32, "x" * 5000])
async def test_unknown_task_is_not_found(site: Site, task_id: str, events: EventNotes) -> None:
    with pytest.raises(RowferryError) as caught:
        await site.exports.queries.status("shop", task_id)
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert len(events.of(StatusNotFound)[0].task_id) <= 64


@pytest.mark.parametrize("ended", [False, True])
async def test_task_of_another_client_is_not_there(
    site: Site, make_spec: MakeSpec, *, ended: bool
) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        if ended:
            await live.ended.wait()
        for ask in (
            site.exports.queries.status("bank", live.task.id),
            site.exports.commands.cancel("bank", live.task.id, ""),
            site.exports.queries.wait("bank", live.task.id, 0),
        ):
            with pytest.raises(RowferryError) as caught:
                await ask
            assert caught.value.code is ErrorCode.NOT_FOUND
        views, _ = await site.exports.queries.list("bank", TaskQuery())
        assert list(views) == []


async def test_list_is_as_new_as_the_status_and_newest_first(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    async with site.running():
        done = await site.push(make_spec("done"), ROWS)
        await done.ended.wait()
        with await site.open(make_spec("open")) as session:
            await session.append(encode([ROWS]))
            views, token = await site.exports.queries.list("shop", TaskQuery())
    assert [view.task.request_id for view in views] == ["open", "done"]
    assert [view.task.rows_received for view in views] == [2, 2]
    assert views[1].link
    assert token == ""


async def test_list_comes_in_pages(site: Site, make_spec: MakeSpec) -> None:
    for number in range(3):
        await site.push(make_spec(f"r{number}"), ROWS)
    first, token = await site.exports.queries.list("shop", TaskQuery(page_size=2))
    rest, end = await site.exports.queries.list("shop", TaskQuery(page_size=2, page_token=token))
    assert (len(first), len(rest), end) == (2, 1, "")
    assert {view.task.request_id for view in (*first, *rest)} == {"r0", "r1", "r2"}


# Wait.


async def test_wait_ends_with_the_task(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    seen: list[TaskState] = []
    live = await site.push(make_spec(), ROWS)

    async def wait() -> None:
        view = await site.exports.queries.wait("shop", live.task.id, 0)
        seen.append(view.task.state)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        mock_clock.jump(100_000)
        await wait_all_tasks_blocked()
        assert seen == []
        async with site.running():
            await live.ended.wait()
    assert seen == [TaskState.COMPLETED]


async def test_wait_of_so_many_seconds_gives_the_state_reached_by_then(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    seen: list[TaskState] = []
    live = await site.push(make_spec(), ROWS)

    async def wait() -> None:
        view = await site.exports.queries.wait("shop", live.task.id, 3)
        seen.append(view.task.state)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        mock_clock.jump(2.9)
        await wait_all_tasks_blocked()
        assert seen == []
        mock_clock.jump(0.1)
    assert seen == [TaskState.QUEUED]


async def test_wait_of_minus_one_answers_at_once(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    live = await site.push(make_spec(), ROWS)
    view = await site.exports.queries.wait("shop", live.task.id, -1)
    assert view.task.state is TaskState.QUEUED
    assert mock_clock.current_time() == 0


async def test_wait_for_a_task_that_has_ended_gives_it(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await live.ended.wait()
        view = await site.exports.queries.wait("shop", live.task.id, 0)
    assert view.task.state is TaskState.COMPLETED


# Cancel.


async def test_task_that_waits_is_cancelled(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    live = await site.push(make_spec(), ROWS)
    view = await site.exports.commands.cancel("shop", live.task.id, "changed my mind")
    assert (view.task.state, view.task.cancel_reason) == (TaskState.CANCELLED, "changed my mind")
    assert view.task.finished_at is not None
    assert len(site.adapters.queue) == 0
    assert site.remains() == []
    assert events.of(TaskCancelled)[0].reason == "changed my mind"


async def test_task_that_takes_rows_is_cancelled_and_its_connection_ends(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(encode([ROWS]))
            await site.settled()
            view = await site.exports.commands.cancel("shop", session.live.task.id, "")
            assert session.scope.cancel_called
        assert view.task.state is TaskState.CANCELLED
        assert site.remains() == []


async def test_task_whose_rows_are_being_written_is_cancelled(
    site: Site, make_spec: MakeSpec
) -> None:
    site.writers.gate.close()
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await site.writers.gate.reached()
        nursery.start_soon(site.exports.commands.cancel, "shop", live.task.id, "")
        await live.changed.wait_for(lambda: live.task.state is TaskState.CANCELLED)
        site.writers.gate.open()
        await live.ended.wait()
        assert site.remains() == []
        following = await site.push(make_spec("next"), ROWS)
        assert (await site.ended(following)).state is TaskState.COMPLETED


async def test_task_that_is_being_uploaded_is_cancelled_and_leaves_no_object(
    site: Site, make_spec: MakeSpec
) -> None:
    site.storage.gate.close()
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await site.storage.gate.reached()
        nursery.start_soon(site.exports.commands.cancel, "shop", live.task.id, "")
        await live.changed.wait_for(lambda: live.task.state is TaskState.CANCELLED)
        site.storage.gate.open()
        task = await site.ended(live)
        assert (task.state, task.object_key) == (TaskState.CANCELLED, "")
        assert site.remains() == []


async def test_task_that_waits_for_its_slot_in_vain_is_cancelled(
    site: Site, make_spec: MakeSpec
) -> None:
    site.writers.gate.close()
    async with site.running():
        running = await site.push(make_spec("running"), ROWS)
        await site.writers.gate.reached()
        waiting = await site.push(make_spec("waiting"), ROWS)
        await wait_all_tasks_blocked()
        await site.exports.commands.cancel("shop", waiting.task.id, "")
        site.writers.gate.open()
        await running.ended.wait()
        await site.settled()
    assert site.writers.opened == ["running"]


async def test_cancel_again_says_the_same(site: Site, make_spec: MakeSpec) -> None:
    live = await site.push(make_spec(), ROWS)
    first = await site.exports.commands.cancel("shop", live.task.id, "once")
    second = await site.exports.commands.cancel("shop", live.task.id, "twice")
    assert second.task == first.task


async def test_two_cancels_at_once_both_succeed(site: Site, make_spec: MakeSpec) -> None:
    live = await site.push(make_spec(), ROWS)
    states: list[TaskState] = []

    async def cancel() -> None:
        view = await site.exports.commands.cancel("shop", live.task.id, "")
        states.append(view.task.state)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel)
        nursery.start_soon(cancel)
    assert states == [TaskState.CANCELLED] * 2


async def test_task_that_ended_otherwise_is_not_cancelled(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await live.ended.wait()
    with pytest.raises(RowferryError) as caught:
        await site.exports.commands.cancel("shop", live.task.id, "")
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert caught.value.context["state"] == "COMPLETED"


async def test_cancel_that_comes_as_the_task_completes_is_told_so(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    completing, proceed = trio.Event(), trio.Event()
    update = MemoryTaskStore.update

    async def slow_update(store: MemoryTaskStore, task: Task, *, expected: TaskState) -> Task:
        if task.state is TaskState.COMPLETED:
            completing.set()
            await proceed.wait()
        return await update(store, task, expected=expected)

    monkeypatch.setattr(MemoryTaskStore, "update", slow_update)
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await completing.wait()

        async def cancel() -> None:
            with pytest.raises(RowferryError) as caught:
                await site.exports.commands.cancel("shop", live.task.id, "")
            assert caught.value.code is ErrorCode.INVALID_STATE

        async with trio.open_nursery() as cancelling:
            cancelling.start_soon(cancel)
            await wait_all_tasks_blocked()
            proceed.set()
        assert nursery.cancel_scope.cancel_called is False
        assert (await site.task(live)).state is TaskState.COMPLETED
        assert len(site.storage.keys()) == 1


async def test_store_that_fails_leaves_the_task_in_line(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, expected: TaskState) -> Task:
        await trio.lowlevel.checkpoint()
        raise RowferryError(ErrorCode.INTERNAL, f"The task database failed after {expected}.")

    live = await site.push(make_spec(), ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryTaskStore, "update", fail)
        with pytest.raises(RowferryError) as caught:
            await site.exports.commands.cancel("shop", live.task.id, "")
    assert caught.value.code is ErrorCode.INTERNAL
    assert len(site.adapters.queue) == 1


async def test_long_reason_is_cut(site: Site, make_spec: MakeSpec) -> None:
    live = await site.push(make_spec(), ROWS)
    view = await site.exports.commands.cancel("shop", live.task.id, "x" * 10_000)
    assert len(view.task.cancel_reason) == MAX_REASON_CHARS
