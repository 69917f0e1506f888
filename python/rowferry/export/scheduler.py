"""What is due is done: on every node, over and over, and never twice.

Each step asks the store what there is to do and does it with a conditional update, so several
nodes may try the same: one wins, the others find nothing left to do.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.node import Node
from rowferry.domain.task import Task, TaskState
from rowferry.export.cleanup import Cleanup
from rowferry.export.leftovers import Leftovers
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.removal import Removal
from rowferry.export.task_journal import TaskJournal, queued
from rowferry.ports import Chore, Observer, TaskQueue, TaskStore

TICK_SECONDS: Final = 1.0
RETENTION_TICK_SECONDS: Final = 60.0
CHORE_LIMIT: Final = 200  # tasks a step: what is left comes with the next tick

_Work = Callable[[Task], Awaitable[object]]  # False: it could not be done


class Scheduler:
    """Reaps, promotes, relays and expires."""

    def __init__(
        self,
        *,
        node: Node,
        store: TaskStore,
        queue: TaskQueue,
        live_tasks: LiveTasks,
        journal: TaskJournal,
        removal: Removal,
        leftovers: Leftovers,
        cleanup: Cleanup,
        observer: Observer,
        queue_timeout_seconds: float,
        tombstone_seconds: float,
    ) -> None:
        self._node = node
        self._store = store
        self._queue = queue
        self._live_tasks = live_tasks
        self._journal = journal
        self._removal = removal
        self._leftovers = leftovers
        self._cleanup = cleanup
        self._observer = observer
        self._queue_timeout = timedelta(seconds=queue_timeout_seconds)
        self._tombstone = timedelta(seconds=tombstone_seconds)
        # tasks that the last tick failed with: they come first again, and others behind them
        self._stuck: Counter[Chore] = Counter()

    async def run(self) -> None:
        """Tick until cancelled; a tick that fails is reported and tried again."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_every, TICK_SECONDS, self.tick)
            nursery.start_soon(self._run_every, RETENTION_TICK_SECONDS, self.tick_retention)

    async def tick(self) -> None:
        """Bring tasks on whose time has come."""
        now = self._journal.now()
        await self._each(Chore.LAPSED, now, self._reap)
        await self._each(Chore.DUE, now, self._promote)
        await self._each(Chore.OVERDUE, now - self._queue_timeout, self._time_out)
        await self._each(Chore.UNDISPATCHED, now, self._hand_over)
        self._relay()

    async def tick_retention(self) -> None:
        """Remove what is kept no longer, and let go of tasks that another node has ended."""
        now = self._journal.now()
        await self._each(Chore.FILE_EXPIRED, now, self._removal.expire)
        await self._each(Chore.LEFTOVERS, now, self._leftovers.clear)
        await self._each(Chore.SPOOL_EXPIRED, now, self._removal.remove_rows)
        await self._each(Chore.FORGETTABLE, now - self._tombstone, self._forget)
        await self._let_go_of_ended()
        await self._cleanup.remove_outdated()
        await self._remove_temporary_of_ended()

    async def _run_every(self, seconds: float, tick: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await tick()
            except Exception as error:  # noqa: BLE001  it is tried again, whatever it is
                self._observer.observe(events.SystemError(error=error, where="scheduler"))
            await trio.sleep(seconds)

    async def _each(self, chore: Chore, before: datetime, work: _Work) -> None:
        tasks: Sequence[Task] = await self._store.awaiting(
            chore, node=self._node.id, before=before, limit=CHORE_LIMIT + self._stuck[chore]
        )
        self._stuck[chore] = 0
        for task in tasks:
            try:
                self._stuck[chore] += await work(task) is False
            except RowferryError as error:
                self._stuck[chore] += 1
                if error.code is ErrorCode.DATABASE_UNAVAILABLE:
                    raise
                if error.code is not ErrorCode.INVALID_STATE:  # else somebody else was first
                    self._observer.observe(
                        events.SystemError(error=error, where="scheduler", task_id=task.id)
                    )
            except Exception as error:  # noqa: BLE001  the other tasks are looked after all the same
                self._stuck[chore] += 1
                self._observer.observe(
                    events.SystemError(error=error, where="scheduler", task_id=task.id)
                )

    async def _reap(self, task: Task) -> None:
        """End the attempt of a process that stopped answering; its rows stay."""
        live = self._live_tasks.get(task.id)
        if live is not None and live.is_running and self._journal.owns(task):
            return  # it was this process that was stopped for a while: the next heartbeat renews
        reason = await self._store.cancel_reason(task.client, task.id)
        if reason is not None:
            ended = await self._journal.cancel_stored(task, reason)
        else:
            message = "The process that worked on the task stopped answering."
            error = RowferryError(ErrorCode.LEASE_EXPIRED, message)
            ended = await self._journal.fail_stored(task, error)
        await self._take_over(ended)

    async def _promote(self, task: Task) -> None:
        live = self._live_tasks.get(task.id)
        if live is None:
            await self._hand_over(await self._journal.requeue_stored(task))
        elif live.task.version == task.version:
            await self._journal.requeue(live)
            if live.claimable:
                self._queue.offer(queued(live.task))

    async def _time_out(self, task: Task) -> None:
        message = "The task waited too long for a slot."
        context = {"queue_timeout_seconds": self._queue_timeout.total_seconds()}
        error = RowferryError(ErrorCode.QUEUE_TIMEOUT, message, context)
        self._queue.withdraw(task.id)
        await self._journal.fail_stored(task, error)

    def _relay(self) -> None:
        """Put in line what a run left in the queue when the database failed it."""
        for live in self._live_tasks:
            if live.claimable and live.run_scope is None:
                self._queue.offer(queued(live.task))

    async def _hand_over(self, task: Task) -> None:
        """Put a pulled task in line, and note that: a queue that forgets it is told again."""
        dispatched = replace(task, dispatched_at=self._journal.now())
        self._queue.offer(queued(await self._store.update(dispatched, expected=task.state)))

    async def _forget(self, task: Task) -> None:
        await self._store.delete(task.client, task.id)

    async def _remove_temporary_of_ended(self) -> None:
        """Remove files that were kept for an attempt which was made elsewhere, or never."""
        idle = [each for each in await self._cleanup.temporary_ids() if self._is_let_go(each)]
        tasks = await self._store.find(idle)
        for task_id in idle:
            task = tasks.get(task_id)
            if (task is None or task.is_final) and self._is_let_go(task_id):
                await self._cleanup.remove_temporary(task_id)

    def _is_let_go(self, task_id: str) -> bool:
        return self._live_tasks.get(task_id) is None

    async def _take_over(self, task: Task) -> None:
        """Tell what works on a task here that somebody ended or took it."""
        live = self._live_tasks.get(task.id)
        if live is not None:
            await self._journal.reload(live)

    async def _let_go_of_ended(self) -> None:
        """Retire what was cancelled or deleted through another node: it is not told otherwise."""
        idle = [live for live in self._live_tasks if _is_idle(live)]
        for live in idle:
            await self._journal.reload(live)
            if live.task.is_final and live.run_scope is None:
                self._queue.withdraw(live.task.id)
                await self._journal.retire(live)


def _is_idle(live: LiveTask) -> bool:
    waits = live.task.state in {TaskState.QUEUED, TaskState.FAILED}
    return waits and live.run_scope is None and live.is_stored
