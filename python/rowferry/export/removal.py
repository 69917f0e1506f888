"""Files and rows whose time is over go; a tombstone of their task stays."""

from dataclasses import replace

from rowferry.domain import events
from rowferry.domain.task import Task, TaskState
from rowferry.export.cleanup import Cleanup
from rowferry.export.leftovers import NOTHING_STORED, Leftovers
from rowferry.export.task_journal import TaskJournal, names
from rowferry.ports import Observer, TaskStore


class Removal:
    """Removes objects and logs of tasks that have ended."""

    def __init__(
        self,
        *,
        store: TaskStore,
        leftovers: Leftovers,
        cleanup: Cleanup,
        journal: TaskJournal,
        observer: Observer,
    ) -> None:
        self._store = store
        self._leftovers = leftovers
        self._cleanup = cleanup
        self._journal = journal
        self._observer = observer

    async def expire(self, task: Task) -> None:
        """Remove a completed task's file: EXPIRED."""
        self._observer.observe(events.TaskExpired(**names(await self._bury(task))))

    async def delete(self, task: Task) -> Task:
        """Remove what is left of a final task on request: EXPIRED."""
        buried = await self._bury(task, file_expires_at=self._journal.now())
        self._observer.observe(events.TaskDeleted(**names(buried)))
        return buried

    async def _bury(self, task: Task, **changes: object) -> Task:
        # the file first: a task without one is looked after again, a file without a task is not
        if task.object_key:
            await self._leftovers.remove(task)
        await self._cleanup.remove_kept(task.id)
        rows_end = self._journal.now() if task.spool_expires_at is not None else None
        return await self._journal.move_stored(
            task, TaskState.EXPIRED, **NOTHING_STORED, spool_expires_at=rows_end, **changes
        )

    async def remove_rows(self, task: Task) -> None:
        """Remove the log of a task that has ended here."""
        await self._cleanup.remove_log(task.id)
        kept_no_more = replace(task, spool_expires_at=None)
        await self._store.update(kept_no_more, expected=task.state)
