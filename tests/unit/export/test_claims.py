"""Who gets a slot, when, and what holds it."""

from collections.abc import Callable

import trio
from trio.testing import MockClock

from rowferry.domain.events import TaskDequeued, TaskParked
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import TaskState
from rowferry.export.live_task import LiveTask
from rowferry.export.parking import SILENCE_SECONDS
from rowferry.ports import BatchMessage
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
Encode = Callable[..., list[BatchMessage]]
ROWS: list[Row] = [("1", "a"), ("2", "b")]


async def _uploading(live: LiveTask) -> None:
    await live.changed.wait_for(lambda: live.task.state is TaskState.UPLOADING)


async def test_task_without_a_connection_whose_rows_have_not_ended_is_not_claimed(
    site: Site, make_spec: MakeSpec, encode: Encode, events: EventNotes
) -> None:
    async with trio.open_nursery() as nursery:
        with await site.open(make_spec("left alone")) as session:
            await session.append(encode([ROWS]))
        nursery.start_soon(site.exports.dispatcher.run)
        following = await site.push(make_spec("following"), ROWS)
        await following.ended.wait()
        await site.settled()
        nursery.cancel_scope.cancel()
    assert session.live.task.state is TaskState.QUEUED
    assert [event.request_id for event in events.of(TaskDequeued)] == ["following"]


async def test_task_whose_client_comes_back_is_claimed(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(encode([ROWS]))
        await site.settled()
        with await site.open(make_spec()) as again:
            await again.end(2)
        assert (await site.ended(session.live)).state is TaskState.COMPLETED


async def test_task_whose_client_left_as_its_turn_came_leaves_the_slot_to_the_next(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock, events: EventNotes
) -> None:
    async with site.running():
        with await site.open(make_spec("silent")) as silent:
            await silent.append(encode([ROWS]))
            await site.settled()
            mock_clock.jump(SILENCE_SECONDS)
            await events.wait_for(TaskParked)  # the slot is free, and the line is empty
            site.writers.gate.close()
            await silent.append(encode([[("3", "c")]], start=2))
            await site.writers.gate.reached()  # the slot is taken again
            with await site.open(make_spec("left")) as left:
                await trio.testing.wait_all_tasks_blocked()
                assert len(site.adapters.queue) == 0  # it has had its turn, without a slot
            following = await site.push(make_spec("following"), ROWS)
            site.writers.gate.open()
            await silent.end(3)
        assert (await site.ended(following)).state is TaskState.COMPLETED
        assert left.live.task.state is TaskState.QUEUED


async def test_clients_take_turns_for_the_slots(make_site: MakeSite, make_spec: MakeSpec) -> None:
    site = make_site(concurrency={"task_queue_size": 100})
    for number in range(3):
        await site.push(make_spec(f"many {number}"), ROWS, client="many")
    last = await site.push(make_spec("few 0"), ROWS, client="few")
    async with site.running():
        await last.ended.wait()
        await site.settled()
    assert site.writers.opened == ["many 0", "few 0", "many 1", "many 2"]


async def test_no_thread_waits_for_rows(
    make_site: MakeSite, make_spec: MakeSpec, encode: Encode
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 3, "task_queue_size": 100})
    async with site.running():
        for number in range(3):
            session = await site.open(make_spec(f"r{number}"))
            session.__enter__()
            await session.append(encode([ROWS]))
        await trio.testing.wait_all_tasks_blocked()
        await site.settled()
        assert site.live_tasks.count(TaskState.PROCESSING) == 3
        assert site.limiters.writer_threads.borrowed_tokens == 0
        assert site.limiters.spool_threads.borrowed_tokens == 0


async def test_more_tasks_than_writer_threads_take_turns_in_the_core(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 3, "task_queue_size": 100})
    site.writers.gate.close()
    async with site.running():
        tasks = [await site.push(make_spec(f"r{number}"), ROWS) for number in range(3)]
        await site.writers.gate.reached()
        await trio.testing.wait_all_tasks_blocked()
        calls = site.limiters.writer_threads.statistics()
        assert site.live_tasks.count(TaskState.PROCESSING) == 3
        assert (calls.borrowed_tokens, calls.tasks_waiting) == (1, 2)
        site.writers.gate.open()
        for live in tasks:
            assert (await site.ended(live)).state is TaskState.COMPLETED


async def test_uploads_wait_for_each_other_and_hold_no_slot(
    site: Site, make_spec: MakeSpec
) -> None:
    site.storage.gate.close()
    async with site.running():
        tasks = [await site.push(make_spec(f"r{number}"), ROWS) for number in range(2)]
        for live in tasks:
            await _uploading(live)
        await site.storage.gate.reached()
        await trio.testing.wait_all_tasks_blocked()
        uploads = site.limiters.upload_threads.statistics()
        assert (uploads.borrowed_tokens, uploads.tasks_waiting) == (1, 1)
        written_meanwhile = await site.push(make_spec("r2"), ROWS)
        await _uploading(written_meanwhile)
        site.storage.gate.open()
        for live in [*tasks, written_meanwhile]:
            assert (await site.ended(live)).state is TaskState.COMPLETED
