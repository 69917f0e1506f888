"""What clients may do to their tasks: cancel, retry, delete."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.domain.task import RUNNING, Source, Task, TaskState, state_error, task_not_found
from rowferry.domain.view import TaskView
from rowferry.export.leftovers import Leftovers
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.queries import ExportQueries
from rowferry.export.removal import Removal
from rowferry.export.reopening import Reopening
from rowferry.export.task_journal import CLEANUP_SECONDS, TaskJournal, queued
from rowferry.ports import Observer, TaskQueue, TaskStore

MAX_REASON_CHARS: Final = 255
REMOTE_CANCEL_SECONDS: Final = 30.0  # how long a call waits for another node to heed it
RACES: Final = 5  # how often a call looks again when somebody else was faster


class TaskCommands:
    """Each call answers with the task as it is then; another client's task is NOT_FOUND."""

    def __init__(
        self,
        *,
        store: TaskStore,
        live_tasks: LiveTasks,
        queue: TaskQueue,
        journal: TaskJournal,
        reopening: Reopening,
        removal: Removal,
        leftovers: Leftovers,
        queries: ExportQueries,
        observer: Observer,
    ) -> None:
        self._store = store
        self._live_tasks = live_tasks
        self._queue = queue
        self._journal = journal
        self._reopening = reopening
        self._removal = removal
        self._leftovers = leftovers
        self._queries = queries
        self._observer = observer

    async def cancel(self, client: str, task_id: str, reason: str) -> TaskView:
        """End a task on request, on whichever node it is.

        Raises NOT_FOUND, INVALID_STATE when it has ended otherwise. A task that runs on a node
        which does not answer is given as it is: it is cancelled when its lease is over.
        """
        with self._reported("cancel", client, task_id):
            return await self._cancel(client, task_id, reason)

    async def _cancel(self, client: str, task_id: str, reason: str) -> TaskView:
        reason = reason[:MAX_REASON_CHARS]
        task = await self._own(client, task_id)
        for _ in range(RACES):
            if task.is_final:
                break
            await self._cancel_once(task, reason)
            task = await self._own(client, task_id)
        with trio.move_on_after(CLEANUP_SECONDS):  # what a storage keeps of it goes later
            await self._leftovers.clear(task)
        if task.is_final and task.state is not TaskState.CANCELLED:
            raise state_error(task, f"The task is {task.state} already.")
        return await self._queries.status(client, task_id)

    async def _cancel_once(self, task: Task, reason: str) -> None:
        live = self._live_tasks.get(task.id)
        try:
            if live is not None:
                await self._cancel_live(live, reason)
            elif task.state in RUNNING:
                await self._cancel_elsewhere(task, reason)
            else:
                await self._journal.cancel_stored(task, reason)
                self._queue.withdraw(task.id)
        except RowferryError as late:
            if late.code is not ErrorCode.INVALID_STATE:  # else it has just moved on
                raise

    async def _cancel_live(self, live: LiveTask, reason: str) -> None:
        await self._journal.cancel(live, reason)
        self._queue.withdraw(live.task.id)
        with trio.move_on_after(CLEANUP_SECONDS):
            await live.ended.wait()

    async def _cancel_elsewhere(self, task: Task, reason: str) -> None:
        if not await self._store.request_cancel(task.client, task.id, reason):
            return
        with trio.move_on_after(REMOTE_CANCEL_SECONDS):
            await self._queries.wait(task.client, task.id, 0)

    async def retry(self, client: str, task_id: str) -> TaskView:
        """Try a failed task again at once, from its provider or the rows that were kept.

        Raises NOT_FOUND, INVALID_STATE unless it has failed and its rows are kept, WRONG_NODE.
        """
        with self._reported("retry", client, task_id):
            return await self._retry(client, task_id)

    async def _retry(self, client: str, task_id: str) -> TaskView:
        task = await self._own(client, task_id)
        if task.state is not TaskState.FAILED:
            raise state_error(task, "Only a failed task can be tried again.")
        if task.source is Source.PULL:
            self._queue.offer(queued(await self._journal.requeue_stored(task)))
        else:
            await self._retry_pushed(task)
        return await self._queries.status(client, task_id)

    async def _retry_pushed(self, task: Task) -> None:
        live = self._live_tasks.get(task.id)
        if live is not None and live.task.is_final:
            await live.ended.wait()  # its end is being cleaned up
            live, task = None, await self._own(task.client, task.id)
        if live is None:
            live = await self._reopening.reopen(task)
        else:
            await self._journal.requeue(live)
        if live.claimable:
            self._queue.offer(queued(live.task))

    async def delete(self, client: str, task_id: str) -> TaskView:
        """Remove a final task's file and rows; its tombstone, EXPIRED, keeps the request_id.

        Raises NOT_FOUND, INVALID_STATE for a task that has not ended.
        """
        with self._reported("delete", client, task_id):
            return await self._delete(client, task_id)

    async def _delete(self, client: str, task_id: str) -> TaskView:
        task = await self._own(client, task_id)
        live = self._live_tasks.get(task_id)
        if live is not None and live.task.is_final:
            await live.ended.wait()  # its end is being cleaned up
        elif not task.is_final:
            raise state_error(task, "The task has not ended: cancel it first.")
        if task.state is not TaskState.EXPIRED:
            await self._bury(await self._own(client, task_id))
        return await self._queries.status(client, task_id)

    async def _bury(self, task: Task) -> None:
        buried = await self._removal.delete(task)
        if buried.spool_expires_at is not None and self._reopening.is_home(task):
            await self._removal.remove_rows(buried)

    @contextmanager
    def _reported(self, command: str, client: str, task_id: str) -> Iterator[None]:
        def report(outcome: str) -> None:
            self._observer.observe(
                events.TaskCommandAnswered(
                    client=client, task_id=task_id[:64], command=command, outcome=outcome
                )
            )

        try:
            yield
        except RowferryError as error:
            report(error.code)
            raise
        report("ok")

    async def _own(self, client: str, task_id: str) -> Task:
        task = await self._store.get(client, task_id) if is_task_id(task_id) else None
        if task is None:
            self._observer.observe(events.StatusNotFound(client=client, task_id=task_id[:64]))
            raise task_not_found(task_id)
        return task
