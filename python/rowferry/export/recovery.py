"""What an earlier run of the service left: its tasks go on from their logs, strays are removed."""

import trio

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task
from rowferry.export.cleanup import Cleanup
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.session import stream_lost
from rowferry.export.task_journal import TaskJournal, names, queued
from rowferry.ports import ObjectStorage, Observer, RowSpool, SpoolLog, TaskQueue, TaskStore


class Recovery:
    """Runs once, before the doors open."""

    def __init__(
        self,
        *,
        store: TaskStore,
        spool: RowSpool,
        storage: ObjectStorage,
        queue: TaskQueue,
        live_tasks: LiveTasks,
        journal: TaskJournal,
        cleanup: Cleanup,
        observer: Observer,
        spool_threads: trio.CapacityLimiter,
    ) -> None:
        self._store = store
        self._spool = spool
        self._storage = storage
        self._queue = queue
        self._live_tasks = live_tasks
        self._journal = journal
        self._cleanup = cleanup
        self._observer = observer
        self._spool_threads = spool_threads

    async def run(self) -> None:
        """Bring unfinished tasks back: whole ones into the queue, open ones await a client."""
        for task in await self._store.unfinished(""):
            await self._recover(task)
        await self._cleanup.sweep([live.task.id for live in self._live_tasks])

    async def _recover(self, task: Task) -> None:
        if task.object_key:
            await self._remove_object(task.object_key)
        document = await self._store.document(task.client, task.id)
        spec = ExportSpec.from_document(document) if document is not None else None
        log, error = await self._open_log(task, spec) if spec is not None else (None, None)
        if log is None or spec is None:
            await self._journal.fail_unstarted(task, error or stream_lost())
            return
        live = LiveTask(task, spec, log)
        self._live_tasks.add(live)
        await self._journal.checkpoint(live)
        self._observer.observe(
            events.TaskRecovered(
                **names(task), rows_received=live.rows_received, rows_ended=live.rows_ended
            )
        )
        if live.claimable:
            self._queue.offer(queued(task))

    async def _remove_object(self, key: str) -> None:
        """Remove what a crash between storing a file and recording it has left in storage."""
        await trio.to_thread.run_sync(self._storage.delete, key, limiter=self._spool_threads)

    async def _open_log(
        self, task: Task, spec: ExportSpec
    ) -> tuple[SpoolLog | None, RowferryError | None]:
        try:
            return await trio.to_thread.run_sync(
                self._spool.open, task.id, spec, limiter=self._spool_threads
            ), None
        except RowferryError as error:
            return None, error
