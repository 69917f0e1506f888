"""Logs of tasks that nothing here works on are opened again: at a start, and for failed tasks."""

from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.node import Node
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task, TaskState, state_error
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.session import stream_lost
from rowferry.export.task_journal import TaskJournal, names
from rowferry.ports import Observer, RowSpool, SpoolLog, TaskStore

# Failures of the stream, not of its rows: whoever comes back may go on.
_REOPENED: Final = frozenset({
    ErrorCode.STREAM_LOST, ErrorCode.STREAM_IDLE, ErrorCode.SHUTTING_DOWN,
})  # fmt: skip


class Reopening:
    """Makes stored tasks live again, one at a time: a log has one owner."""

    def __init__(
        self,
        *,
        node: Node,
        store: TaskStore,
        spool: RowSpool,
        live_tasks: LiveTasks,
        journal: TaskJournal,
        observer: Observer,
        spool_threads: DiskThreads,
    ) -> None:
        self._node = node
        self._store = store
        self._spool = spool
        self._live_tasks = live_tasks
        self._journal = journal
        self._observer = observer
        self._spool_threads = spool_threads
        self._lock = trio.Lock()

    async def open_live(self, task: Task) -> LiveTask:
        """Open a pushed task's log and make the task live; raise STREAM_LOST if there is none."""
        spec = await self._spec(task)
        log = await self._spool_threads.run_sync(self._spool.open, task.id, spec)
        if log is None:
            raise stream_lost()
        return self._made_live(task, spec, log)

    async def begin(self, task: Task) -> LiveTask:
        """Make a task live that the store has, though its request was told of a failure.

        A database that was away for a moment kept it all the same. Nobody heard of the task, so
        no row of it was acknowledged, and its log may be a new one. Raises WRONG_NODE if the
        request was another node's, INTERNAL if the task did begin.
        """
        self.check_home(task)
        if task.state is not TaskState.QUEUED or task.attempt:
            raise RowferryError(ErrorCode.INTERNAL, "The task's log is not open.")
        async with self._lock:
            live = self._live_tasks.get(task.id)
            if live is None:
                spec = await self._spec(task)
                log = await self._spool_threads.run_sync(self._open_or_create, task.id, spec)
                live = self._made_live(task, spec, log)
        return live

    async def _spec(self, task: Task) -> ExportSpec:
        document = await self._store.document(task.client, task.id)
        if document is None:
            raise stream_lost()
        return ExportSpec.from_document(document)

    def _open_or_create(self, task_id: str, spec: ExportSpec) -> SpoolLog:
        log = self._spool.open(task_id, spec)
        return self._spool.create(task_id, spec) if log is None else log

    def _made_live(self, task: Task, spec: ExportSpec, log: SpoolLog) -> LiveTask:
        live = LiveTask(task, spec, log)
        self._live_tasks.add(live)
        return live

    def takes_rows_again(self, task: Task) -> bool:
        """Tell whether a task failed because of its stream alone, and its rows are kept."""
        lost = task.is_final and task.error_code in _REOPENED and not task.rows_ended
        return lost and self._keeps_rows(task)

    async def reopen(self, task: Task) -> LiveTask:
        """Bring a task that failed for good back into the queue, with the rows that were kept.

        Raises WRONG_NODE if they are elsewhere, INVALID_STATE if they are gone.
        """
        self.check_home(task)
        if not self._keeps_rows(task):
            raise state_error(task, "The task's rows are not kept any more.")
        async with self._lock:
            live = self._live_tasks.get(task.id)
            if live is None:
                live = await self._requeued(task)
        return live

    async def _requeued(self, task: Task) -> LiveTask:
        live = await self.open_live(task)
        try:
            await self._journal.requeue(live)
        except RowferryError:
            await self._journal.retire(live)
            raise
        self._observer.observe(
            events.TaskReopened(
                **names(live.task), rows_received=live.rows_received, rows_ended=live.rows_ended
            )
        )
        return live

    def check_home(self, task: Task) -> None:
        """Raise WRONG_NODE if a pushed task's rows are on another node."""
        if not self.is_home(task):
            message = "The task's rows are on another node: go on there."
            context = {"task_id": task.id, "node_address": task.home_address}
            raise RowferryError(ErrorCode.WRONG_NODE, message, context)

    def is_home(self, task: Task) -> bool:
        """Tell whether a pushed task's rows are on this node."""
        return task.home_node in {self._node.id, ""}

    def _keeps_rows(self, task: Task) -> bool:
        return task.state is TaskState.FAILED and task.spool_expires_at is not None
