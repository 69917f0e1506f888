"""What every TaskQueue does."""

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.task import Source
from rowferry.ports import QueuedTask, TaskQueue
from rowferry.taskqueue.memory import MemoryTaskQueue

ADAPTERS = {"memory": MemoryTaskQueue}


@pytest.fixture(params=ADAPTERS)
def queue(request: pytest.FixtureRequest) -> TaskQueue:
    return ADAPTERS[request.param]()


def queued(task_id: str, priority: int) -> QueuedTask:
    return QueuedTask(task_id=task_id, client="shop", priority=priority, source=Source.PUSH)


async def _drain(queue: TaskQueue) -> list[str]:
    return [await queue.next() for _ in range(len(queue))]


async def test_smaller_priority_goes_first(queue: TaskQueue) -> None:
    queue.offer(queued("later", 200))
    queue.offer(queued("normal", 100))
    queue.offer(queued("urgent", 1))
    assert await _drain(queue) == ["urgent", "normal", "later"]


async def test_equal_priorities_go_in_order_of_arrival(queue: TaskQueue) -> None:
    for number in range(50):
        queue.offer(queued(f"task {number}", 100))
    assert await _drain(queue) == [f"task {number}" for number in range(50)]


async def test_task_offered_again_keeps_its_place(queue: TaskQueue) -> None:
    queue.offer(queued("a", 100))
    queue.offer(queued("b", 100))
    queue.offer(queued("a", 1))
    assert len(queue) == 2
    assert await _drain(queue) == ["a", "b"]


async def test_task_that_was_taken_can_be_offered_again(queue: TaskQueue) -> None:
    queue.offer(queued("a", 100))
    assert await queue.next() == "a"
    queue.offer(queued("a", 100))
    assert await _drain(queue) == ["a"]


async def test_withdrawn_task_is_not_served(queue: TaskQueue) -> None:
    for task_id in "abc":
        queue.offer(queued(task_id, 100))
    queue.withdraw("b")
    assert len(queue) == 2
    assert await _drain(queue) == ["a", "c"]


async def test_withdrawing_an_unknown_task_does_nothing(queue: TaskQueue) -> None:
    queue.offer(queued("a", 100))
    queue.withdraw("nobody")
    assert await _drain(queue) == ["a"]


async def test_next_waits_until_a_task_is_offered(queue: TaskQueue) -> None:
    taken = []

    async def take() -> None:
        taken.append(await queue.next())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        assert taken == []
        queue.offer(queued("a", 100))
    assert taken == ["a"]


async def test_waiters_are_served_in_the_order_they_came(queue: TaskQueue) -> None:
    taken = []

    async def take(waiter: int) -> None:
        taken.append((waiter, await queue.next()))

    async with trio.open_nursery() as nursery:
        for waiter in range(3):
            nursery.start_soon(take, waiter)
            await trio.testing.wait_all_tasks_blocked()
        for task_id in "abc":
            queue.offer(queued(task_id, 100))
            await trio.testing.wait_all_tasks_blocked()
    assert taken == [(0, "a"), (1, "b"), (2, "c")]


async def test_waiter_gets_the_most_urgent_task_of_a_burst(queue: TaskQueue) -> None:
    async with trio.open_nursery() as nursery:
        taken = []

        async def take() -> None:
            taken.append(await queue.next())

        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        queue.offer(queued("normal", 100))
        queue.offer(queued("urgent", 1))
    assert taken == ["urgent"]
    assert await _drain(queue) == ["normal"]


async def test_cancelled_waiter_takes_nothing(queue: TaskQueue) -> None:
    with trio.move_on_after(0):
        await queue.next()
    queue.offer(queued("a", 100))
    assert await _drain(queue) == ["a"]


async def test_next_under_a_cancelled_scope_leaves_the_task(queue: TaskQueue) -> None:
    queue.offer(queued("a", 100))
    with trio.CancelScope() as scope:
        scope.cancel()
        await queue.next()
    assert scope.cancelled_caught
    assert await _drain(queue) == ["a"]


@pytest.mark.parametrize("offer_first", [True, False])
async def test_offer_and_cancel_in_one_tick_lose_no_task(
    queue: TaskQueue, *, offer_first: bool
) -> None:
    scope = trio.CancelScope()
    taken = []

    async def take() -> None:
        with scope:
            taken.append(await queue.next())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        if offer_first:
            queue.offer(queued("a", 1))
        scope.cancel()
        if not offer_first:
            queue.offer(queued("a", 1))
    assert taken + await _drain(queue) == ["a"]


async def test_withdrawal_before_a_woken_waiter_ran_leaves_it_waiting(queue: TaskQueue) -> None:
    taken = []

    async def take() -> None:
        taken.append(await queue.next())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        queue.offer(queued("withdrawn", 100))
        queue.withdraw("withdrawn")
        await trio.testing.wait_all_tasks_blocked()
        assert taken == []
        queue.offer(queued("a", 100))
    assert taken == ["a"]


async def test_next_lets_others_run_even_when_a_task_is_ready(queue: TaskQueue) -> None:
    queue.offer(queued("a", 100))
    with trio.testing.assert_checkpoints():
        await queue.next()


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["offer", "withdraw", "next"]), st.integers(0, 9), st.integers(1, 3))
)


@pytest.mark.parametrize("adapter", ADAPTERS)
@given(operations=OPERATIONS)
async def test_any_sequence_agrees_with_a_sorted_list(
    adapter: str, operations: list[tuple[str, int, int]]
) -> None:
    queue: TaskQueue = ADAPTERS[adapter]()
    line: list[tuple[int, int, str]] = []  # priority, arrival, task: the whole specification
    for arrival, (operation, number, priority) in enumerate(operations):
        task_id = str(number)
        if operation == "offer":
            queue.offer(queued(task_id, priority))
            if task_id not in {entry[2] for entry in line}:
                line.append((priority, arrival, task_id))
        elif operation == "withdraw":
            queue.withdraw(task_id)
            line = [entry for entry in line if entry[2] != task_id]
        elif line:
            line.sort()
            assert await queue.next() == line.pop(0)[2]
        assert len(queue) == len(line)
    assert await _drain(queue) == [entry[2] for entry in sorted(line)]
