"""What an earlier run of this node left: its tasks go on from their logs, left-overs go."""

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Final

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.node import Node
from rowferry.domain.task import RUNNING, Source, Task, TaskState
from rowferry.export.cleanup import Cleanup
from rowferry.export.live_task import LiveTasks
from rowferry.export.reopening import Reopening
from rowferry.export.task_journal import TaskJournal, names, queued
from rowferry.ports import Chore, Observer, TaskQueue, TaskStore

_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_ALL: Final = 1_000_000


class Recovery:
    """Runs once, before the doors open."""

    def __init__(
        self,
        *,
        node: Node,
        store: TaskStore,
        queue: TaskQueue,
        live_tasks: LiveTasks,
        journal: TaskJournal,
        reopening: Reopening,
        cleanup: Cleanup,
        observer: Observer,
    ) -> None:
        self._node = node
        self._store = store
        self._queue = queue
        self._live_tasks = live_tasks
        self._journal = journal
        self._reopening = reopening
        self._cleanup = cleanup
        self._observer = observer

    async def run(self) -> None:
        """Bring unfinished tasks back: whole ones into the queue, open ones await a client."""
        unfinished = await self._store.unfinished(self._node.id)
        for task in unfinished:
            await self._recover(task)
        kept = await self._store.awaiting(
            Chore.SPOOL_EXPIRED, node=self._node.id, before=_EVER, limit=_ALL
        )
        live = [live.task.id for live in self._live_tasks]
        await self._sweep_logs({*live, *(task.id for task in kept)})
        # a file that is whole needs only to be stored
        sealed = {task.id for task in unfinished if task.object_crc64}
        await self._cleanup.sweep_temporary(sealed)

    async def _sweep_logs(self, needed: AbstractSet[str]) -> None:
        """Remove logs without rows, and those whose task has ended by what the database says.

        Any other may hold acknowledged rows that no file was made of: of a task that a restored
        database lacks, or of a node that has lost its id.
        """
        for task_id in set(await self._cleanup.log_ids()) - needed:
            stored = await self._store.load(task_id)
            task = None if stored is None else stored[0]
            if _has_ended(task) or not await self._cleanup.holds_rows(task_id):
                await self._cleanup.remove_log(task_id)
            else:
                state = "" if task is None else task.state
                self._observer.observe(events.RowsOfNoTask(task_id=task_id, state=state))

    async def _recover(self, task: Task) -> None:
        try:
            if task.source is Source.PULL:
                await self._recover_pulled(task)
            else:
                await self._recover_pushed(task)
        except RowferryError as error:
            if error.code is not ErrorCode.INVALID_STATE:  # else another node was faster
                raise

    async def _recover_pulled(self, task: Task) -> None:
        if task.state in RUNNING:
            if not self._node.owned(task.lease_owner):
                return
            task = await self._stopped(task)
        if task.state is TaskState.QUEUED:
            self._queue.offer(queued(task))

    async def _recover_pushed(self, task: Task) -> None:
        if task.state in RUNNING:
            task = await self._stopped(task)
        try:
            live = await self._reopening.open_live(task)
        except RowferryError as error:
            if error.code is ErrorCode.DATABASE_UNAVAILABLE:
                raise
            await self._journal.give_up(task, error)
            return
        self._observer.observe(
            events.TaskRecovered(
                **names(task), rows_received=live.rows_received, rows_ended=live.rows_ended
            )
        )
        if live.claimable:
            self._queue.offer(queued(task))

    async def _stopped(self, task: Task) -> Task:
        """Take a task back that ran when the process ended: it goes on as the same attempt."""
        return await self._journal.move_stored(task, TaskState.QUEUED)


def _has_ended(task: Task | None) -> bool:
    return task is not None and task.is_final and task.spool_expires_at is None
