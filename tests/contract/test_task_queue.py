"""What every TaskQueue does."""

from collections.abc import Callable, Collection

import pytest
import trio
import trio.testing

from rowferry.domain.events import Event
from rowferry.domain.task import Source
from rowferry.ports import QueuedTask, TaskQueue
from rowferry.taskqueue.database import DatabaseTaskQueue
from rowferry.taskqueue.memory import MemoryTaskQueue


class NoEvents:
    """An observer of an engine that has nothing to report."""

    def observe(self, event: Event) -> None:
        pytest.fail(f"unexpected event {event}")


async def no_pulled_task(_held: Collection[str]) -> None:
    await trio.lowlevel.checkpoint()


ADAPTERS: dict[str, Callable[[], TaskQueue]] = {
    "memory": MemoryTaskQueue,
    "database": lambda: DatabaseTaskQueue(no_pulled_task, NoEvents()),
}


@pytest.fixture(params=ADAPTERS)
def queue(request: pytest.FixtureRequest) -> TaskQueue:
    return ADAPTERS[request.param]()


def task(task_id: str, priority: int = 100, *, client: str = "shop") -> QueuedTask:
    """A pushed task: every engine has it in its own line."""
    return QueuedTask(task_id=task_id, client=client, priority=priority, source=Source.PUSH)


async def _drain(queue: TaskQueue) -> list[str]:
    return [await queue.next() for _ in range(len(queue))]


async def test_smaller_priority_goes_first(queue: TaskQueue) -> None:
    queue.offer(task("later", 200))
    queue.offer(task("normal"))
    queue.offer(task("urgent", 1))
    assert await _drain(queue) == ["urgent", "normal", "later"]


async def test_equal_priorities_go_in_order_of_arrival(queue: TaskQueue) -> None:
    for number in range(50):
        queue.offer(task(f"task {number}"))
    assert await _drain(queue) == [f"task {number}" for number in range(50)]


async def test_task_offered_again_keeps_its_place(queue: TaskQueue) -> None:
    queue.offer(task("a"))
    queue.offer(task("b"))
    queue.offer(task("a", 1))
    assert len(queue) == 2
    assert await _drain(queue) == ["a", "b"]


async def test_task_that_was_taken_can_be_offered_again(queue: TaskQueue) -> None:
    queue.offer(task("a"))
    assert await queue.next() == "a"
    queue.offer(task("a"))
    assert await _drain(queue) == ["a"]


async def test_withdrawn_task_is_not_served(queue: TaskQueue) -> None:
    for task_id in "abc":
        queue.offer(task(task_id))
    queue.withdraw("b")
    assert len(queue) == 2
    assert await _drain(queue) == ["a", "c"]


async def test_withdrawing_an_unknown_task_does_nothing(queue: TaskQueue) -> None:
    queue.offer(task("a"))
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
        queue.offer(task("a"))
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
            queue.offer(task(task_id))
            await trio.testing.wait_all_tasks_blocked()
    assert taken == [(0, "a"), (1, "b"), (2, "c")]


async def test_waiter_gets_the_most_urgent_task_of_a_burst(queue: TaskQueue) -> None:
    async with trio.open_nursery() as nursery:
        taken = []

        async def take() -> None:
            taken.append(await queue.next())

        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        queue.offer(task("normal"))
        queue.offer(task("urgent", 1))
    assert taken == ["urgent"]
    assert await _drain(queue) == ["normal"]


async def test_cancelled_waiter_takes_nothing(queue: TaskQueue) -> None:
    with trio.move_on_after(0):
        await queue.next()
    queue.offer(task("a"))
    assert await _drain(queue) == ["a"]


async def test_next_under_a_cancelled_scope_leaves_the_task(queue: TaskQueue) -> None:
    queue.offer(task("a"))
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
            queue.offer(task("a", 1))
        scope.cancel()
        if not offer_first:
            queue.offer(task("a", 1))
    assert taken + await _drain(queue) == ["a"]


async def test_withdrawal_before_a_woken_waiter_ran_leaves_it_waiting(queue: TaskQueue) -> None:
    taken = []

    async def take() -> None:
        taken.append(await queue.next())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        queue.offer(task("withdrawn"))
        queue.withdraw("withdrawn")
        await trio.testing.wait_all_tasks_blocked()
        assert taken == []
        queue.offer(task("a"))
    assert taken == ["a"]


async def test_next_lets_others_run_even_when_a_task_is_ready(queue: TaskQueue) -> None:
    queue.offer(task("a"))
    with trio.testing.assert_checkpoints():
        await queue.next()


async def test_clients_take_turns_however_many_tasks_one_has(queue: TaskQueue) -> None:
    for number in range(4):
        queue.offer(task(f"many {number}", client="many"))
    for number in range(2):
        queue.offer(task(f"few {number}", client="few"))
    assert await _drain(queue) == ["many 0", "few 0", "many 1", "few 1", "many 2", "many 3"]


async def test_priority_orders_a_clients_own_tasks_and_passes_no_other_client(
    queue: TaskQueue,
) -> None:
    queue.offer(task("a 1", 100, client="a"))
    queue.offer(task("a 2", 100, client="a"))
    queue.offer(task("b later", 1000, client="b"))
    queue.offer(task("b sooner", 900, client="b"))
    assert await _drain(queue) == ["a 1", "b sooner", "a 2", "b later"]


async def test_task_below_priority_100_goes_ahead_of_other_clients(queue: TaskQueue) -> None:
    for number in range(3):
        queue.offer(task(f"urgent {number}", 99, client="a"))
    queue.offer(task("ordinary", 100, client="b"))
    assert await _drain(queue) == ["urgent 0", "urgent 1", "urgent 2", "ordinary"]


async def test_urgent_tasks_cost_their_client_no_ordinary_turn(queue: TaskQueue) -> None:
    queue.offer(task("a urgent", 1, client="a"))
    queue.offer(task("a", 100, client="a"))
    queue.offer(task("b", 100, client="b"))
    assert await _drain(queue) == ["a urgent", "a", "b"]


async def test_client_that_comes_back_has_saved_no_turns_up(queue: TaskQueue) -> None:
    for number in range(10):
        queue.offer(task(f"busy {number}", client="busy"))
    for number in range(6):
        assert await queue.next() == f"busy {number}"
    for number in range(3):
        queue.offer(task(f"back {number}", client="back"))
    assert (await _drain(queue))[:4] == ["back 0", "busy 6", "back 1", "busy 7"]


async def test_withdrawn_task_costs_its_client_no_turn(queue: TaskQueue) -> None:
    queue.offer(task("a withdrawn", client="a"))
    queue.offer(task("a", client="a"))
    queue.offer(task("b", client="b"))
    queue.withdraw("a withdrawn")
    assert await _drain(queue) == ["a", "b"]


async def test_many_offers_and_withdrawals_behind_the_first_keep_the_order(
    queue: TaskQueue,
) -> None:
    queue.offer(task("first"))
    for number in range(1000):
        queue.offer(task(f"passing {number}", 200 - number % 7, client=f"client {number % 3}"))
        queue.withdraw(f"passing {number}")
    queue.offer(task("second"))
    assert await _drain(queue) == ["first", "second"]


async def test_tasks_of_a_client_that_is_held_are_passed_over(queue: TaskQueue) -> None:
    queue.offer(task("a", 1))
    queue.hold("shop")
    queue.offer(task("b", 1))
    queue.offer(task("other's", client="other"))
    assert await queue.next() == "other's"
    assert len(queue) == 2
    queue.release("shop")
    assert await _drain(queue) == ["a", "b"]


async def test_release_wakes_those_who_wait(queue: TaskQueue) -> None:
    taken = []

    async def take() -> None:
        taken.append(await queue.next())

    queue.hold("shop")
    for task_id in "ab":
        queue.offer(task(task_id))
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        assert taken == []
        queue.release("shop")
    assert taken == ["a", "b"]


async def test_client_that_was_held_is_owed_nothing(queue: TaskQueue) -> None:
    """Its virtual time goes on with the others': it takes turns, and does not catch up."""
    queue.hold("shop")
    for number in range(3):
        queue.offer(task(f"shop {number}"))
        queue.offer(task(f"other {number}", client="other"))
        queue.offer(task(f"more {number}", client="other"))
    for _ in range(4):
        await queue.next()
    queue.release("shop")
    assert [name.split()[0] for name in await _drain(queue)][:3] != ["shop"] * 3


async def test_task_withdrawn_while_its_client_is_held_is_gone(queue: TaskQueue) -> None:
    queue.hold("shop")
    queue.offer(task("a"))
    queue.offer(task("b"))
    queue.withdraw("a")
    queue.release("nobody")
    queue.release("shop")
    assert await _drain(queue) == ["b"]
