"""The line of several nodes: pulled tasks are the database's, pushed ones this node's."""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.task import Source
from rowferry.ports import Observer, QueuedTask
from rowferry.taskqueue.memory import MemoryTaskQueue

POLL_MIN_SECONDS: Final = 0.1
POLL_MAX_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 1.0  # with the database, of a pushed task that could run


class DatabaseTaskQueue:
    """Takes turns between this node's pushed tasks and the pulled ones that all nodes share.

    ``reserve`` gives the id of a pulled task that is this process's for the time of a lease, or
    None if none waits but of clients that are held: it is ``TaskStore.reserve``. Only a call of
    ``next`` reserves, so a node without a free slot keeps no task from the others. A database
    that had none is asked again after 0.1 s, then after twice as long each time, up to 1 s; at
    once when this node is offered a pulled task. A database that fails is reported and asked
    again likewise. One that gives no answer is not waited for while a pushed task could run.
    """

    def __init__(
        self, reserve: Callable[[Collection[str]], Awaitable[str | None]], observer: Observer
    ) -> None:
        self._reserve = reserve
        self._held: set[str] = set()
        self._observer = observer
        self._pushed = MemoryTaskQueue()
        self._taking = trio.Lock()
        self._pulled_turn = False
        self._pulled_offers = 0
        self._ask_at = -float("inf")  # by trio's clock
        self._pause_seconds = POLL_MIN_SECONDS
        self._waiting = trio.CancelScope()
        self._asking = trio.CancelScope()

    def offer(self, task: QueuedTask) -> None:
        """Put a pushed task in line; a pulled one is in the database's: have it looked at."""
        if task.source is Source.PUSH:
            self._pushed.offer(task)
            self._hurry()
            return
        self._pulled_offers += 1
        self._ask_soon()
        self._waiting.cancel()

    def withdraw(self, task_id: str) -> None:
        """Take a pushed task out of the line; a pulled one leaves the database's by its state."""
        self._pushed.withdraw(task_id)

    def hold(self, client: str) -> None:
        """Leave a client's tasks in line until ``release``; its pulled ones to other nodes."""
        self._held.add(client)
        self._pushed.hold(client)

    def release(self, client: str) -> None:
        """Give a client's tasks out again; no error if they are not held."""
        if client in self._held:
            self._held.discard(client)
            self._pushed.release(client)
            self._hurry()
            self._pulled_offers += 1
            self._ask_soon()
            self._waiting.cancel()

    async def next(self) -> str:
        """Wait for a task that this node may run.

        Cancelled, it leaves the tasks in line; a reservation that ``reserve`` made and could not
        tell of any more lapses with its lease.
        """
        async with self._taking:
            while True:
                if self._may_ask and (self._pulled_turn or not self._pushed.is_claimable):
                    self._pulled_turn = False
                    task_id = await self._reserve_pulled()
                else:
                    self._pulled_turn = True
                    task_id = await self._next_pushed()
                # Between the two answers and the return nothing can be cancelled.
                if task_id is not None:
                    return task_id

    def __len__(self) -> int:
        """Count this node's pushed tasks in line."""
        return len(self._pushed)

    @property
    def _may_ask(self) -> bool:
        return trio.current_time() >= self._ask_at

    async def _reserve_pulled(self) -> str | None:
        offers_before = self._pulled_offers
        task_id = None
        try:
            with trio.CancelScope() as self._asking:
                self._hurry()
                task_id = await self._reserve(frozenset(self._held))
        except RowferryError as error:
            self._observer.observe(events.SystemError(error=error, where="task queue"))
        if task_id is not None:
            self._ask_soon()  # where one waits there may be more
        elif self._pulled_offers == offers_before:
            self._ask_later()
        return task_id

    async def _next_pushed(self) -> str | None:
        """Take a pushed task; None if there is none until the database is to be asked."""
        if self._pushed.is_claimable:
            return await self._pushed.next()
        with trio.CancelScope(deadline=self._ask_at) as self._waiting:
            return await self._pushed.next()
        return None

    def _hurry(self) -> None:
        """Let the database answer soon if a pushed task could run.

        A reservation that it makes afterwards lapses with its lease.
        """
        if self._pushed.is_claimable:
            soon = trio.current_time() + PATIENCE_SECONDS
            self._asking.deadline = min(self._asking.deadline, soon)

    def _ask_soon(self) -> None:
        self._ask_at = -float("inf")
        self._pause_seconds = POLL_MIN_SECONDS

    def _ask_later(self) -> None:
        self._ask_at = trio.current_time() + self._pause_seconds
        self._pause_seconds = min(POLL_MAX_SECONDS, 2 * self._pause_seconds)
