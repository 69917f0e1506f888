"""What the engine of several nodes does beyond what every TaskQueue does."""

from collections import deque
from collections.abc import Collection
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import Source
from rowferry.ports import QueuedTask
from rowferry.taskqueue.database import (
    PATIENCE_SECONDS,
    POLL_MAX_SECONDS,
    POLL_MIN_SECONDS,
    DatabaseTaskQueue,
)


class SharedTasks:
    """The pulled tasks of a database, and when they were asked for."""

    def __init__(self) -> None:
        self.waiting: deque[str] = deque()
        self.asked_at: list[float] = []
        self.held: list[set[str]] = []
        self.failures: deque[BaseException] = deque()
        self.answering = trio.Event()
        self.answering.set()

    async def reserve(self, held: Collection[str]) -> str | None:
        await trio.lowlevel.checkpoint()
        self.asked_at.append(trio.current_time())
        self.held.append(set(held))
        reserved = self.waiting.popleft() if self.waiting else None
        await self.answering.wait()
        if self.failures:
            raise self.failures.popleft()
        return reserved


class EventList:
    def __init__(self) -> None:
        self.all: list[events.Event] = []

    def observe(self, event: events.Event) -> None:
        self.all.append(event)


@pytest.fixture
def shared() -> SharedTasks:
    return SharedTasks()


@pytest.fixture
def reported() -> EventList:
    return EventList()


@pytest.fixture
def queue(shared: SharedTasks, reported: EventList) -> DatabaseTaskQueue:
    return DatabaseTaskQueue(shared.reserve, reported)


def pushed(task_id: str) -> QueuedTask:
    return QueuedTask(task_id=task_id, client="shop", priority=100, source=Source.PUSH)


def pulled(task_id: str) -> QueuedTask:
    return QueuedTask(task_id=task_id, client="shop", priority=100, source=Source.PULL)


def unavailable() -> RowferryError:
    return RowferryError(ErrorCode.DATABASE_UNAVAILABLE, "The database is away.")


async def test_pulled_tasks_come_in_the_databases_order(
    queue: DatabaseTaskQueue, shared: SharedTasks
) -> None:
    shared.waiting.extend(["first", "second"])
    assert [await queue.next(), await queue.next()] == ["first", "second"]


async def test_neither_pushed_nor_pulled_tasks_starve(
    queue: DatabaseTaskQueue, shared: SharedTasks
) -> None:
    for number in range(3):
        queue.offer(pushed(f"pushed {number}"))
        shared.waiting.append(f"pulled {number}")
    taken = [await queue.next() for _ in range(6)]
    assert sorted(taken[:2]) == ["pulled 0", "pushed 0"]
    assert sorted(taken[2:4]) == ["pulled 1", "pushed 1"]
    assert sorted(taken[4:]) == ["pulled 2", "pushed 2"]


async def test_empty_database_is_asked_less_and_less_often(
    queue: DatabaseTaskQueue, shared: SharedTasks, autojump_clock: MockClock
) -> None:
    with trio.move_on_after(6):
        await queue.next()
    pauses = [round(later - at, 3) for at, later in pairwise(shared.asked_at)]
    assert pauses[:5] == [0.1, 0.2, 0.4, 0.8, 1.0]
    assert set(pauses[5:]) == {POLL_MAX_SECONDS}


async def test_task_of_another_node_is_found_by_asking_again(
    queue: DatabaseTaskQueue, shared: SharedTasks, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_add_after, 30.0, shared, "from elsewhere")
        with trio.fail_after(30 + POLL_MAX_SECONDS):
            assert await queue.next() == "from elsewhere"


async def test_pauses_are_short_again_once_a_task_was_found(
    queue: DatabaseTaskQueue, shared: SharedTasks, autojump_clock: MockClock
) -> None:
    with trio.move_on_after(6):
        await queue.next()
    shared.waiting.append("found")
    assert await queue.next() == "found"
    shared.asked_at.clear()
    with trio.move_on_after(POLL_MIN_SECONDS * 1.5):
        await queue.next()
    assert len(shared.asked_at) == 2  # at once, and after the shortest pause


async def test_offer_of_a_pulled_task_has_the_database_asked_at_once(
    queue: DatabaseTaskQueue, shared: SharedTasks, mock_clock: MockClock
) -> None:
    taken: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, queue, taken)
        await wait_all_tasks_blocked()
        shared.waiting.append("taken in here")
        queue.offer(pulled("taken in here"))
    assert taken == ["taken in here"]
    assert mock_clock.current_time() == 0


async def test_offer_while_the_database_answers_has_it_asked_again_at_once(
    queue: DatabaseTaskQueue, shared: SharedTasks, mock_clock: MockClock
) -> None:
    taken: list[str] = []
    shared.answering = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, queue, taken)
        await wait_all_tasks_blocked()
        shared.waiting.append("came after the look")
        queue.offer(pulled("came after the look"))
        shared.answering.set()
    assert taken == ["came after the look"]
    assert mock_clock.current_time() == 0


async def test_pushed_task_does_not_wait_for_the_next_look(
    queue: DatabaseTaskQueue, mock_clock: MockClock
) -> None:
    taken: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, queue, taken)
        await wait_all_tasks_blocked()
        queue.offer(pushed("a"))
    assert taken == ["a"]
    assert mock_clock.current_time() == 0


async def test_pushed_tasks_ask_an_empty_database_no_more_often(
    queue: DatabaseTaskQueue, shared: SharedTasks, mock_clock: MockClock
) -> None:
    for number in range(20):
        queue.offer(pushed(f"pushed {number}"))
    assert [await queue.next() for _ in range(20)] == [f"pushed {number}" for number in range(20)]
    assert len(shared.asked_at) == 1


async def test_nothing_is_reserved_before_somebody_asks_for_a_task(
    queue: DatabaseTaskQueue, shared: SharedTasks, autojump_clock: MockClock
) -> None:
    shared.waiting.append("for whoever has a slot")
    queue.offer(pulled("for whoever has a slot"))
    await trio.sleep(10)
    assert shared.asked_at == []


async def test_offered_pulled_task_is_not_in_this_nodes_line(queue: DatabaseTaskQueue) -> None:
    queue.offer(pulled("a"))
    assert len(queue) == 0
    queue.withdraw("a")
    assert len(queue) == 0


async def test_failing_database_is_reported_and_asked_again(
    queue: DatabaseTaskQueue,
    shared: SharedTasks,
    reported: EventList,
    autojump_clock: MockClock,
) -> None:
    failure = unavailable()
    shared.failures.extend([failure, failure])
    with trio.move_on_after(POLL_MIN_SECONDS * 4):
        await queue.next()
    assert reported.all == [events.SystemError(error=failure, where="task queue")] * 2
    shared.waiting.append("after all")
    assert await queue.next() == "after all"


async def test_pushed_tasks_go_on_while_the_database_fails(
    queue: DatabaseTaskQueue, shared: SharedTasks, mock_clock: MockClock
) -> None:
    shared.failures.extend(unavailable() for _ in range(10))
    queue.offer(pushed("a"))
    queue.offer(pushed("b"))
    assert [await queue.next(), await queue.next()] == ["a", "b"]


async def test_defect_of_the_store_ends_the_call(
    queue: DatabaseTaskQueue, shared: SharedTasks, reported: EventList
) -> None:
    shared.failures.append(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await queue.next()
    assert reported.all == []


async def test_database_is_asked_at_once_after_a_cancelled_look(
    queue: DatabaseTaskQueue, shared: SharedTasks, mock_clock: MockClock
) -> None:
    shared.answering = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.next)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    shared.answering.set()
    shared.waiting.append("a")
    assert await queue.next() == "a"
    assert mock_clock.current_time() == 0


async def test_pushed_and_pulled_offers_in_one_tick_are_both_served(
    queue: DatabaseTaskQueue, shared: SharedTasks, mock_clock: MockClock
) -> None:
    taken: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, queue, taken)
        nursery.start_soon(_take, queue, taken)
        await wait_all_tasks_blocked()
        queue.offer(pushed("pushed"))
        shared.waiting.append("pulled")
        queue.offer(pulled("pulled"))
    assert sorted(taken) == ["pulled", "pushed"]


async def _take(queue: DatabaseTaskQueue, taken: list[str]) -> None:
    taken.append(await queue.next())


async def _add_after(seconds: float, shared: SharedTasks, task_id: str) -> None:
    await trio.sleep(seconds)
    shared.waiting.append(task_id)


async def test_database_is_told_who_is_held_and_asked_at_once_for_who_is_released(
    queue: DatabaseTaskQueue, shared: SharedTasks
) -> None:
    queue.hold("shop")
    queue.offer(pushed("held"))
    with trio.move_on_after(0):
        await queue.next()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.next)
        await wait_all_tasks_blocked()
        assert shared.held == [{"shop"}]
        queue.release("shop")
    assert len(queue) == 0


async def test_database_that_gives_no_answer_does_not_hold_up_pushed_tasks(
    queue: DatabaseTaskQueue, shared: SharedTasks, autojump_clock: MockClock
) -> None:
    shared.answering = trio.Event()  # never set
    taken: list[str] = []

    async def take() -> None:
        taken.extend([await queue.next() for _ in range(3)])

    with trio.fail_after(10 * PATIENCE_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await wait_all_tasks_blocked()
            assert (taken, len(shared.asked_at)) == ([], 1)
            for number in range(3):
                queue.offer(pushed(f"pushed {number}"))
    assert taken == ["pushed 0", "pushed 1", "pushed 2"]


async def test_database_that_is_slow_is_waited_for_while_nothing_else_could_run(
    queue: DatabaseTaskQueue, shared: SharedTasks, autojump_clock: MockClock
) -> None:
    shared.answering = trio.Event()
    shared.waiting.append("pulled")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_answer_after, 100 * PATIENCE_SECONDS, shared)
        assert await queue.next() == "pulled"


async def _answer_after(seconds: float, shared: SharedTasks) -> None:
    await trio.sleep(seconds)
    shared.answering.set()
