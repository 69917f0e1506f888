"""Every change of a task's state: judged, stored, announced and cleaned up after, in one place."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.task import RUNNING, Stage, Task, TaskState, check_transition
from rowferry.export.cleanup import Cleanup
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.ports import Observer, QueuedTask, TaskStore

CLEANUP_SECONDS: Final = 30.0


class TaskJournal:
    """Moves live tasks from state to state; the store's conditional update is the commit."""

    def __init__(
        self,
        *,
        store: TaskStore,
        live_tasks: LiveTasks,
        cleanup: Cleanup,
        observer: Observer,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._live_tasks = live_tasks
        self._cleanup = cleanup
        self._observer = observer
        self.now: Final = now

    async def move(self, live: LiveTask, to: TaskState, **changes: Any) -> Task:  # noqa: ANN401
        """Change state and whatever comes with it; raise INVALID_STATE if it is not allowed."""
        async with live.state_lock:
            return await self._change(live, to, **changes)

    async def _change(self, live: LiveTask, to: TaskState, **changes: Any) -> Task:  # noqa: ANN401
        check_transition(live.task, to)
        wanted = replace(live.snapshot(), state=to, **changes)
        live.task = await self._store.update(wanted, expected=live.task.state)
        live.changed.notify()
        return live.task

    async def complete(self, live: LiveTask, **changes: Any) -> None:  # noqa: ANN401
        """End well, the file is in storage: COMPLETED, and nothing temporary stays."""
        task = await self.move(live, TaskState.COMPLETED, stage=Stage.NONE, **changes)
        self._observer.observe(
            events.TaskCompleted(
                **names(task),
                format=task.format,
                rows=task.rows_written,
                file_bytes=task.file_bytes,
                duration_seconds=self._seconds_since(task.created_at),
            )
        )
        await self._settle(live)

    async def fail(self, live: LiveTask, error: RowferryError) -> None:
        """End without a file: FAILED, and nothing of the export stays."""
        task = await self.move(live, TaskState.FAILED, **self._failure(error))
        self._announce_failure(task, error)
        await self._settle(live)

    async def fail_unstarted(self, task: Task, error: RowferryError) -> None:
        """End a stored task for which nothing else was made."""
        failed = replace(task, state=TaskState.FAILED, **self._failure(error))
        self._announce_failure(await self._store.update(failed, expected=task.state), error)

    def _failure(self, error: RowferryError) -> dict[str, Any]:
        return {
            "stage": Stage.NONE,
            "object_key": "",
            "error_code": error.code.value,
            "error_message": error.message,
            "error_context": error.context,
            "finished_at": self.now(),
        }

    def _announce_failure(self, task: Task, error: RowferryError) -> None:
        self._observer.observe(
            events.TaskFailed(
                **names(task),
                error_code=error.code,
                error_class=error.error_class,
                message=error.message,
                rows_received=task.rows_received,
                rows_written=task.rows_written,
            )
        )

    async def cancel(self, live: LiveTask, reason: str) -> None:
        """End on request: CANCELLED, and nothing of the export stays."""
        task = await self.move(
            live,
            TaskState.CANCELLED,
            stage=Stage.NONE,
            object_key="",
            cancel_reason=reason,
            finished_at=self.now(),
        )
        self._observer.observe(events.TaskCancelled(**names(task), reason=reason))
        await self._settle(live)

    async def checkpoint(self, live: LiveTask) -> None:
        """Stop a run with the service: back to QUEUED, the rows stay in the log.

        A task that does not run, or has just ended, stays what it is.
        """
        async with live.state_lock:
            if live.task.state not in RUNNING:
                return
            task = await self._change(live, TaskState.QUEUED, stage=Stage.NONE, object_key="")
        live.queued_since = trio.current_time()
        await self._cleanup.remove_temporary(task.id)
        self._announce_removal(task)
        self._observer.observe(
            events.TaskCheckpointed(**names(task), rows_received=task.rows_received)
        )

    def _seconds_since(self, then: datetime) -> float:
        return (self.now() - then).total_seconds()

    async def _settle(self, live: LiveTask) -> None:
        """Clean up after a final state; a run in progress is stopped and does it at its end."""
        if live.run_scope is None:
            await self.retire(live)
        else:
            live.run_scope.cancel()

    async def retire(self, live: LiveTask) -> None:
        """Remove all that is temporary of an ended task that nothing works on, and let it go.

        What can't be removed is left to the next start of the service.
        """
        if live.connection is not None:
            live.connection.cancel()
        try:
            with trio.fail_after(CLEANUP_SECONDS, shield=True):
                await self._cleanup.remove_all(live)
                self._announce_removal(live.task)
        except (RowferryError, trio.TooSlowError) as error:
            self._observer.observe(
                events.SystemError(error=error, where="cleanup", task_id=live.task.id)
            )
        finally:
            self._live_tasks.remove(live)
            live.ended.set()
            live.changed.notify()

    def _announce_removal(self, task: Task) -> None:
        if task.attempt:
            self._observer.observe(events.TempFileDeleted(**names(task)))


def names(task: Task) -> dict[str, str]:
    """Give the fields that every event of a task has."""
    return {"task_id": task.id, "request_id": task.request_id, "client": task.client}


def queued(task: Task) -> QueuedTask:
    """Give what decides a task's place in line."""
    return QueuedTask(
        task_id=task.id, client=task.client, priority=task.priority, source=task.source
    )
