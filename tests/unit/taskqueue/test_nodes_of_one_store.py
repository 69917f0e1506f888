"""Two nodes' lines over one store: each pulled task is given to one of them."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from rowferry.domain.events import Event
from rowferry.domain.spec import Format
from rowferry.domain.task import Source, Task, TaskState
from rowferry.taskqueue.database import POLL_MAX_SECONDS, DatabaseTaskQueue
from rowferry.taskstore.memory import MemoryTaskStore

LEASE_SECONDS = 60.0


class NothingToReport:
    def observe(self, event: Event) -> None:
        raise AssertionError(event)


@pytest.fixture
def store() -> MemoryTaskStore:
    return MemoryTaskStore(lease_seconds=LEASE_SECONDS)


@pytest.fixture
def one(store: MemoryTaskStore) -> DatabaseTaskQueue:
    return DatabaseTaskQueue(partial(store.reserve, "one:1"), NothingToReport())


@pytest.fixture
def two(store: MemoryTaskStore) -> DatabaseTaskQueue:
    return DatabaseTaskQueue(partial(store.reserve, "two:1"), NothingToReport())


async def _add(store: MemoryTaskStore, task_id: str, client: str = "shop") -> None:
    task = Task(
        id=task_id,
        client=client,
        request_id=task_id,
        request_hash="",
        format=Format.CSV,
        filename="orders",
        created_at=datetime(2025, 1, 2, tzinfo=UTC),
        source=Source.PULL,
    )
    assert await store.create(task, {}) is not None


async def test_each_task_is_given_to_one_node(
    store: MemoryTaskStore, one: DatabaseTaskQueue, two: DatabaseTaskQueue
) -> None:
    for number in range(6):
        await _add(store, f"task {number}")
    taken = [await queue.next() for _ in range(3) for queue in (one, two)]
    assert taken == [f"task {number}" for number in range(6)]


async def test_clients_take_turns_whichever_node_asks(
    store: MemoryTaskStore, one: DatabaseTaskQueue, two: DatabaseTaskQueue
) -> None:
    for number in range(3):
        await _add(store, f"a {number}", client="a")
    await _add(store, "b 0", client="b")
    assert [await one.next(), await two.next()] == ["a 0", "b 0"]
    assert [await one.next(), await two.next()] == ["a 1", "a 2"]


async def test_task_that_a_node_reserved_and_never_claimed_is_given_to_another(
    store: MemoryTaskStore,
    one: DatabaseTaskQueue,
    two: DatabaseTaskQueue,
    autojump_clock: MockClock,
) -> None:
    await _add(store, "task")
    assert await one.next() == "task"
    with trio.fail_after(LEASE_SECONDS + POLL_MAX_SECONDS):
        assert await two.next() == "task"
    assert trio.current_time() >= LEASE_SECONDS


async def test_claimed_task_is_not_given_again_when_its_lease_is_over(
    store: MemoryTaskStore,
    one: DatabaseTaskQueue,
    two: DatabaseTaskQueue,
    autojump_clock: MockClock,
) -> None:
    await _add(store, "task")
    task = await store.get("shop", await one.next())
    assert task is not None
    claimed = replace(task, state=TaskState.PROCESSING)
    await store.update(claimed, expected=TaskState.QUEUED)
    with trio.move_on_after(3 * LEASE_SECONDS) as waiting:
        await two.next()
    assert waiting.cancelled_caught
