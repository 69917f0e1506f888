"""Who stops answering loses its tasks, and writes nothing any more when it wakes up."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import LeaseLost, SystemError  # noqa: A004  the event
from rowferry.domain.node import Node
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import RUNNING, Task, TaskState
from rowferry.export.task_journal import STORE_PATIENCE_SECONDS
from rowferry.ports import Renewal
from rowferry.spool.memory import MemorySpool
from rowferry.storage.memory import MemoryStorage
from rowferry.taskqueue.memory import MemoryTaskQueue
from rowferry.taskstore.memory import MemoryTaskStore
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Gate, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
ROWS: list[Row] = [("1", "a"), ("2", "b")]
LEASE_SECONDS = 60.0  # of the in-memory store


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    return make_site(retry={"max_attempts": 3, "base_seconds": 0.0})


def _elsewhere(site: Site) -> Site:
    """Another node over the same store and storage."""
    adapters = replace(
        site.adapters,
        node=Node(id="elsewhere", process="1"),
        spool=MemorySpool(),
        queue=MemoryTaskQueue(),
    )
    return Site(site.config, adapters, site.events)


@asynccontextmanager
async def _numb(site: Site) -> AsyncIterator[None]:
    """Run a node that makes files, and neither renews its leases nor looks at the clock."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(site.exports.dispatcher.run)
        yield
        nursery.cancel_scope.cancel()


async def test_heartbeats_keep_a_lease_and_show_progress(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await site.settled()
            for _ in range(10):
                mock_clock.jump(site.config.lease.heartbeat_seconds)
                await site.settled()
            await _elsewhere(site).exports.scheduler.tick()
            assert (await site.task(session.live)).state is TaskState.PROCESSING


async def test_sleeper_records_nothing_when_it_wakes_and_the_next_attempt_finds_its_file(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    site.storage.gate.close()
    async with _numb(site):
        live = await site.push(make_spec(), ROWS)
        await site.storage.gate.reached()  # the file of the first attempt is about to be stored
        mock_clock.jump(LEASE_SECONDS + 1)
        await _elsewhere(site).exports.scheduler.tick()
        taken = await site.task(live)
        assert (taken.state, taken.error_code) == (TaskState.FAILED, "LEASE_EXPIRED")
        assert taken.awaits_retry
        site.storage.gate.open()
        await site.settled()
        assert (await site.task(live)).version == taken.version
        await site.exports.scheduler.tick()
        task = await site.ended(live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 2)
    assert site.storage.keys() == [task.object_key] == [f"exports/{task.id}/1.csv"]
    assert len(site.writers.opened) == 1
    assert [event.task_id for event in events.of(LeaseLost)] == [task.id]


async def test_sleeper_removes_what_it_stored_for_a_task_that_others_have_gone_on_with(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    site.storage.gate.close()
    async with _numb(site):
        live = await site.push(make_spec(), ROWS)
        await site.storage.gate.reached()
        mock_clock.jump(LEASE_SECONDS + 1)
        await _elsewhere(site).exports.scheduler.tick()
        # the next attempt found nothing under the first one's key, and has dropped it
        dropped = replace(await site.task(live), storage="", object_key="", object_crc64="")
        await site.adapters.store.update(dropped, expected=TaskState.FAILED)
        site.storage.gate.open()
        await site.settled()
    assert site.storage.keys() == []
    assert [event.task_id for event in events.of(LeaseLost)] == [live.task.id]


async def test_next_attempt_begins_when_what_the_lost_one_left_has_been_seen_to(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, removal = MemoryStorage.delete, Gate()

    def slow_delete(storage: MemoryStorage, key: str) -> None:
        removal.pass_through()
        delete(storage, key)

    monkeypatch.setattr(MemoryStorage, "delete", slow_delete)
    site.storage.gate.close()
    async with _numb(site):
        live = await site.push(make_spec(), ROWS)
        await site.storage.gate.reached()
        mock_clock.jump(LEASE_SECONDS + 1)
        await _elsewhere(site).exports.scheduler.tick()
        dropped = replace(await site.task(live), storage="", object_key="", object_crc64="")
        await site.adapters.store.update(dropped, expected=TaskState.FAILED)
        removal.close()
        site.storage.gate.open()
        await removal.reached()
        await site.exports.scheduler.tick()
        await wait_all_tasks_blocked()
        assert live.run_scope is None
        removal.open()
        await site.settled()
        await site.exports.scheduler.tick()
        task = await site.ended(live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 2)
    assert site.storage.keys() == [task.object_key]


async def test_lost_lease_stops_the_run(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    async with _numb(site):
        with await site.open(make_spec()) as session:
            await site.settled()
            mock_clock.jump(LEASE_SECONDS + 1)
            await _elsewhere(site).exports.scheduler.tick()
            assert session.live.run_scope is not None
            await site.exports.leases.renew()
            await site.settled()
            assert session.live.run_scope is None
            assert session.live.task.awaits_retry
    assert [event.task_id for event in events.of(LeaseLost)] == [session.live.task.id]


async def test_node_that_slept_alone_goes_on_with_what_it_did(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await site.settled()
            mock_clock.jump(10 * LEASE_SECONDS)
            await site.settled()
            await session.end(0)
        task = await site.ended(session.live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)
    assert events.of(LeaseLost) == []


async def test_cancellation_that_a_dead_node_was_asked_for_is_done_by_another(
    site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    async with _numb(site):
        with await site.open(make_spec()) as session:
            await site.settled()
    live = session.live
    dead = await site.adapters.store.update(
        replace(await site.task(live), state=TaskState.PROCESSING, lease_owner="here:gone"),
        expected=TaskState.QUEUED,
    )
    assert await site.adapters.store.request_cancel("shop", dead.id, "no")
    mock_clock.jump(LEASE_SECONDS + 1)
    await _elsewhere(site).exports.scheduler.tick()
    task = await site.task(live)
    assert (task.state, task.cancel_reason) == (TaskState.CANCELLED, "no")


async def test_database_that_is_away_costs_no_lease_before_its_time(
    site: Site,
    make_spec: MakeSpec,
    mock_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    events: EventNotes,
) -> None:
    async def away(*_: object) -> list[Renewal]:
        await trio.lowlevel.checkpoint()
        raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, "It is away.")

    async with site.running():
        with await site.open(make_spec()) as session:
            await site.settled()
            with monkeypatch.context() as patch:
                patch.setattr(MemoryTaskStore, "renew", away)
                mock_clock.jump(site.config.lease.heartbeat_seconds)
                await site.settled()
            mock_clock.jump(site.config.lease.heartbeat_seconds)
            await site.settled()
            await session.end(0)
        assert (await site.ended(session.live)).state is TaskState.COMPLETED
    assert [event.where for event in events.of(SystemError)] == ["leases"]


async def test_change_waits_for_a_database_that_is_away(
    site: Site,
    make_spec: MakeSpec,
    mock_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_: object, expected: TaskState) -> None:
        await trio.lowlevel.checkpoint()
        raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, f"It is away after {expected}.")

    async with site.running():
        with monkeypatch.context() as patch:
            patch.setattr(MemoryTaskStore, "update", away)
            live = await site.push(make_spec(), ROWS)
            for _ in range(5):
                await wait_all_tasks_blocked()
                mock_clock.jump(1)
            assert live.task.state is TaskState.QUEUED
        await wait_all_tasks_blocked()
        mock_clock.jump(1)
        task = await site.ended(live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)


@pytest.mark.parametrize("says", ["nothing", "no"])
async def test_file_stays_while_the_database_does_not_say_whether_its_task_is_complete(
    site: Site,
    says: str,
    make_spec: MakeSpec,
    mock_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update = MemoryTaskStore.update

    async def unsure(store: MemoryTaskStore, task: Task, *, expected: TaskState) -> Task:
        if (says == "no" and task.state is TaskState.FAILED) or task.state in RUNNING:
            return await update(store, task, expected=expected)
        raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, "It is away.")

    async with site.running():
        with monkeypatch.context() as patch:
            patch.setattr(MemoryTaskStore, "update", unsure)
            live = await site.push(make_spec(), ROWS)
            await site.settled()
            for _ in range(3):  # to complete, to fail, and to close
                mock_clock.jump(STORE_PATIENCE_SECONDS + 1)
                await site.settled()
            assert site.storage.keys() == [f"exports/{live.task.id}/1.csv"]
