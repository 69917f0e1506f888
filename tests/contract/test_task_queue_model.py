"""Any order of offers, withdrawals, waiters and cancellations agrees with a naive model."""

import threading
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TypeVar

import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rowferry.domain.events import Event
from rowferry.domain.task import Source
from rowferry.ports import QueuedTask, TaskQueue
from rowferry.taskqueue.database import DatabaseTaskQueue
from rowferry.taskqueue.memory import MemoryTaskQueue

Answer = TypeVar("Answer")
TASK_IDS = st.sampled_from("abcdefgh")
CLIENTS = st.sampled_from(["shop", "ledger", "archive"])
PRIORITIES = st.sampled_from([1, 99, 100, 1000])


class NaiveLine:
    """The whole specification: every claim looks at every task."""

    def __init__(self) -> None:
        self.tasks: list[QueuedTask] = []  # as they came
        self._times: dict[tuple[bool, str], int] = {}

    def offer(self, task: QueuedTask) -> None:
        if task.task_id not in [each.task_id for each in self.tasks]:
            self.tasks.append(task)

    def withdraw(self, task_id: str) -> None:
        self.tasks = [each for each in self.tasks if each.task_id != task_id]

    def claim(self) -> str:
        first = min(self.tasks, key=self._order)  # the first of equals: the one that came first
        self.tasks.remove(first)
        self._times[first.priority >= 100, first.client] = self._time_of(first) + 1
        return first.task_id

    def _order(self, task: QueuedTask) -> tuple[bool, int, int]:
        return task.priority >= 100, self._time_of(task), task.priority

    def _time_of(self, task: QueuedTask) -> int:
        """Give a client's own time, or that of the last claim in its class if it is later."""
        ordinary = task.priority >= 100
        last_claims = [time - 1 for (each, _), time in self._times.items() if each == ordinary]
        return max([self._times.get((ordinary, task.client), 0), *last_claims])


class TrioThread:
    """trio in a thread of its own: rules are plain functions, and the queue needs a running loop.

    Its clock stands still, so a queue that polls waits for ever unless a test moves it.
    """

    def __init__(self) -> None:
        started: SimpleQueue[tuple[trio.lowlevel.TrioToken, trio.Nursery]] = SimpleQueue()
        self._stop = trio.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        self._token, self.nursery = started.get()

    def call(self, function: Callable[..., Awaitable[Answer]], *arguments: object) -> Answer:
        return trio.from_thread.run(function, *arguments, trio_token=self._token)

    def stop(self) -> None:
        trio.from_thread.run_sync(self._stop.set, trio_token=self._token)
        self._thread.join()

    def _run(self, started: "SimpleQueue[tuple[trio.lowlevel.TrioToken, trio.Nursery]]") -> None:
        async def main() -> None:
            async with trio.open_nursery() as nursery:
                started.put((trio.lowlevel.current_trio_token(), nursery))
                await self._stop.wait()
                nursery.cancel_scope.cancel()

        trio.run(main, clock=trio.testing.MockClock())


@dataclass(eq=False)
class Waiter:
    """A call of ``next`` and what it got."""

    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    task_ids: list[str] = field(default_factory=list)

    async def take(self, queue: TaskQueue) -> None:
        with self.scope:
            self.task_ids.append(await queue.next())


class NothingToReport:
    def observe(self, event: Event) -> None:
        raise AssertionError(event)


async def no_pulled_task(_held: Collection[str]) -> None:
    await trio.lowlevel.checkpoint()


class QueueMachine(RuleBasedStateMachine):
    """Waiters and tasks: whoever waits longest gets the first task, and a cancelled one none."""

    def __init__(self, queue: TaskQueue) -> None:
        super().__init__()
        self.queue = queue
        self.trio = TrioThread()
        self.line = NaiveLine()
        self.waiters: list[Waiter] = []  # longest first; none while tasks are in line

    def teardown(self) -> None:
        self.trio.stop()

    @rule(task_id=TASK_IDS, client=CLIENTS, priority=PRIORITIES)
    def offer(self, task_id: str, client: str, priority: int) -> None:
        task = QueuedTask(task_id=task_id, client=client, priority=priority, source=Source.PUSH)
        self._at_once(lambda: self.queue.offer(task))
        self.line.offer(task)
        self._serve_model()

    @rule(tasks=st.lists(st.tuples(TASK_IDS, CLIENTS, PRIORITIES), min_size=2, max_size=4))
    def offer_burst(self, tasks: list[tuple[str, str, int]]) -> None:
        burst = [
            QueuedTask(task_id=task_id, client=client, priority=priority, source=Source.PUSH)
            for task_id, client, priority in tasks
        ]
        self._at_once(*[lambda task=task: self.queue.offer(task) for task in burst])
        for task in burst:
            self.line.offer(task)
        self._serve_model()

    @rule(task_id=TASK_IDS)
    def withdraw(self, task_id: str) -> None:
        self._at_once(lambda: self.queue.withdraw(task_id))
        self.line.withdraw(task_id)

    @rule(task_id=TASK_IDS, client=CLIENTS)
    def offer_and_withdraw_before_anybody_runs(self, task_id: str, client: str) -> None:
        task = QueuedTask(task_id=task_id, client=client, priority=100, source=Source.PUSH)
        self._at_once(lambda: self.queue.offer(task), lambda: self.queue.withdraw(task_id))
        self.line.withdraw(task_id)

    @rule()
    def wait_for_next(self) -> None:
        waiter = Waiter()
        self.waiters.append(waiter)
        self._at_once(lambda: self.trio.nursery.start_soon(waiter.take, self.queue))
        self._serve_model()

    @rule()
    def call_next_under_a_cancelled_scope(self) -> None:
        waiter = Waiter()
        waiter.scope.cancel()
        self._at_once(lambda: self.trio.nursery.start_soon(waiter.take, self.queue))
        assert waiter.task_ids == []

    @precondition(lambda self: self.waiters)
    @rule(data=st.data())
    def cancel_a_waiter(self, data: st.DataObject) -> None:
        waiter = self.waiters.pop(data.draw(st.integers(0, len(self.waiters) - 1)))
        self._at_once(waiter.scope.cancel)
        assert waiter.task_ids == []

    @precondition(lambda self: self.waiters)
    @rule(task_id=TASK_IDS, client=CLIENTS, offer_first=st.booleans())
    def offer_and_cancel_the_first_waiter(
        self, task_id: str, client: str, *, offer_first: bool
    ) -> None:
        waiter = self.waiters[0]
        task = QueuedTask(task_id=task_id, client=client, priority=100, source=Source.PUSH)
        steps = [lambda: self.queue.offer(task), waiter.scope.cancel]
        self._at_once(*(steps if offer_first else reversed(steps)))
        self.line.offer(task)
        if not waiter.task_ids:  # either is right, as long as nobody loses the task
            self.waiters.remove(waiter)
        self._serve_model()

    @invariant()
    def lengths_agree(self) -> None:
        assert len(self.queue) == len(self.line.tasks)

    def _at_once(self, *steps: Callable[[], object]) -> None:
        """Take steps that nobody runs between, then let everybody run."""

        async def take_steps() -> None:
            for step in steps:
                step()
            await trio.testing.wait_all_tasks_blocked()

        self.trio.call(take_steps)

    def _serve_model(self) -> None:
        """Give the model's first tasks to as many waiters, who must have got the same.

        Who of several waiters gets which is the queue's choice: who was woken for a task that was
        withdrawn before it ran waits behind the others.
        """
        expected = min(len(self.waiters), len(self.line.tasks))
        served = [waiter for waiter in self.waiters if waiter.task_ids]
        self.waiters = [waiter for waiter in self.waiters if not waiter.task_ids]
        assert len(served) == expected
        taken = sorted(task_id for waiter in served for task_id in waiter.task_ids)
        assert taken == sorted(self.line.claim() for _ in range(expected))


class MemoryQueueMachine(QueueMachine):
    def __init__(self) -> None:
        super().__init__(MemoryTaskQueue())


class DatabaseQueueMachine(QueueMachine):
    def __init__(self) -> None:
        super().__init__(DatabaseTaskQueue(no_pulled_task, NothingToReport()))


_SETTINGS = settings(max_examples=100, stateful_step_count=40)
TestMemoryQueue = MemoryQueueMachine.TestCase
TestMemoryQueue.settings = _SETTINGS
TestDatabaseQueue = DatabaseQueueMachine.TestCase
TestDatabaseQueue.settings = _SETTINGS
