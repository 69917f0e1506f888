"""Every change of a task's state: judged, stored, announced and cleaned up after, in one place."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import trio

from rowferry.domain import events
from rowferry.domain.error_catalogue import CATALOGUE
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.node import Node
from rowferry.domain.retry import RetryPolicy
from rowferry.domain.task import RUNNING, Source, Stage, Task, TaskState, check_transition
from rowferry.export.cleanup import Cleanup
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.ports import Observer, QueuedTask, TaskStore

CLEANUP_SECONDS: Final = 30.0
STORE_PATIENCE_SECONDS: Final = 120.0  # how long a change waits for a database that is away
STORE_RETRY_SECONDS: Final = 0.5
_NO_ERROR: Final[dict[str, Any]] = {"error_code": "", "error_message": "", "error_context": {}}


class TaskJournal:
    """Moves tasks from state to state; the store's conditional update is the commit."""

    def __init__(
        self,
        *,
        node: Node,
        store: TaskStore,
        live_tasks: LiveTasks,
        cleanup: Cleanup,
        observer: Observer,
        retry: RetryPolicy,
        failed_spool_seconds: float,
        now: Callable[[], datetime],
        chance: Callable[[], float],
    ) -> None:
        self._node = node
        self._store = store
        self._live_tasks = live_tasks
        self._cleanup = cleanup
        self._observer = observer
        self._retry = retry
        self._failed_spool_seconds = failed_spool_seconds
        self._chance = chance
        self.now: Final = now

    async def move(self, live: LiveTask, to: TaskState, **changes: Any) -> Task:  # noqa: ANN401
        """Change state and whatever comes with it.

        Raises INVALID_STATE if it is not allowed, or if somebody else changed the task: then the
        live task is as the store has it.
        """
        async with live.state_lock:
            return await self._change(live, to, **changes)

    async def note(self, live: LiveTask, **changes: Any) -> Task:  # noqa: ANN401
        """Record something about a task without changing its state; raise like ``move``."""
        async with live.state_lock:
            return await self._change(live, live.task.state, **changes)

    async def move_stored(self, task: Task, to: TaskState, **changes: Any) -> Task:  # noqa: ANN401
        """Change a task that nothing here works on; raise INVALID_STATE like ``move``."""
        check_transition(task, to)
        return await self._write(self._changed(task, to, changes), task.state)

    async def _change(self, live: LiveTask, to: TaskState, **changes: Any) -> Task:  # noqa: ANN401
        check_transition(live.task, to)
        wanted = self._changed(live.snapshot(), to, changes)
        try:
            live.task = await self._write(wanted, live.task.state)
        except RowferryError as error:
            if error.code is ErrorCode.INVALID_STATE:
                await self._reload(live)
            raise
        live.changed.notify()
        return live.task

    def _changed(self, task: Task, to: TaskState, changes: dict[str, Any]) -> Task:
        """Add to a change what goes with its state: the lease, and times that end with it."""
        fixed: dict[str, Any] = {
            "state": to,
            "run_at": None,
            "lease_owner": self._node.lease_owner if to in RUNNING else "",
        }
        if to is TaskState.QUEUED:
            fixed |= {"stage": Stage.NONE, "queued_at": self.now(), "dispatched_at": None}
        return replace(task, **(fixed | changes))

    async def _write(self, wanted: Task, expected: TaskState) -> Task:
        """Store a change, and wait for a database that is away: rows and files are safe."""
        deadline = trio.current_time() + STORE_PATIENCE_SECONDS
        while True:
            try:
                return await self._store.update(wanted, expected=expected)
            except RowferryError as error:
                away = error.code is ErrorCode.DATABASE_UNAVAILABLE
                if not away or trio.current_time() >= deadline:
                    raise
            await trio.sleep(STORE_RETRY_SECONDS)

    async def reload(self, live: LiveTask) -> None:
        """Take over what somebody else made of a task, and stop what works on it here."""
        async with live.state_lock:
            await self._reload(live)

    async def _reload(self, live: LiveTask) -> None:
        known, was_owned = live.task, self.owns(live.task)
        stored = await self._store.get(live.task.client, live.task.id)
        # a task that is not even stored any more was deleted
        live.task = stored or replace(live.task, state=TaskState.EXPIRED, run_at=None)
        live.changed.notify()
        lost = was_owned and not self.owns(live.task)
        if lost:
            live.taken_over = known
            self._observer.observe(events.LeaseLost(**names(live.task)))
        if live.run_scope is not None and (lost or live.task.is_final):
            live.run_scope.cancel()

    def owns(self, task: Task) -> bool:
        """Tell whether a task runs in this process, as far as the store is known."""
        return task.state in RUNNING and task.lease_owner == self._node.lease_owner

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
        """End an attempt without a file: FAILED, for now or for good.

        Rows are kept: for the next attempt, or for a retry by hand while their time lasts.
        """
        task = await self.move(live, TaskState.FAILED, **self._failure(live.task, error))
        self._announce_failure(task, error)
        if task.is_final:
            await self._settle(live)

    async def fail_stored(self, task: Task, error: RowferryError) -> Task:
        """End an attempt of a task that nothing here works on."""
        failed = await self.move_stored(task, TaskState.FAILED, **self._failure(task, error))
        self._announce_failure(failed, error)
        return failed

    async def give_up(self, task: Task, error: RowferryError) -> None:
        """End a task for good whose log can't be opened; what there is of it can be retried."""
        gone = error.code is ErrorCode.STREAM_LOST
        changes = self._failure(task, error) | self._ending(None)
        changes["spool_expires_at"] = None if gone else self._spool_expiry(task)
        failed = await self.move_stored(task, TaskState.FAILED, **changes)
        self._announce_failure(failed, error)

    def _spool_expiry(self, task: Task) -> datetime | None:
        """Tell until when the rows of a task that fails for good now are kept."""
        if task.source is Source.PULL or self._failed_spool_seconds <= 0:
            return None
        return self.now() + timedelta(seconds=self._failed_spool_seconds)

    def tries_again(self, task: Task, error: RowferryError) -> bool:
        """Tell whether a failure with this error would not be the task's last."""
        return self._retry.delay_seconds(error.code, max(1, task.attempt), 0.0) is not None

    def _failure(self, task: Task, error: RowferryError) -> dict[str, Any]:
        attempt = max(1, task.attempt)
        delay = self._retry.delay_seconds(error.code, attempt, self._chance())
        return {
            "stage": Stage.NONE,
            "error_code": error.code.value,
            "error_message": error.message,
            "error_context": error.context,
            "spool_expires_at": self._spool_expiry(task) if delay is None else None,
            **self._ending(delay),
        }

    def _ending(self, retry_in_seconds: float | None) -> dict[str, Any]:
        if retry_in_seconds is None:
            return {"run_at": None, "finished_at": self.now()}
        return {"run_at": self.now() + timedelta(seconds=retry_in_seconds), "finished_at": None}

    def _announce_failure(self, task: Task, error: RowferryError) -> None:
        if task.run_at is None:
            event: events.Event = events.TaskFailed(
                **names(task),
                error_code=error.code,
                error_class=CATALOGUE[error.code].error_class,
                message=error.message,
                rows_received=task.rows_received,
                rows_written=task.rows_written,
            )
        else:
            event = events.TaskRetryScheduled(
                **names(task),
                error_code=error.code,
                error_class=CATALOGUE[error.code].error_class,
                message=error.message,
                attempt=task.attempt,
                in_seconds=(task.run_at - self.now()).total_seconds(),
            )
        self._observer.observe(event)

    async def requeue(self, live: LiveTask) -> None:
        """Begin the next attempt of a failed task whose log is open here."""
        task = await self.move(live, TaskState.QUEUED, **_next_attempt(live.task))
        live.queued_since = trio.current_time()
        live.rows_read(task.rows_written, 0)
        self._observer.observe(events.TaskRequeued(**names(task), attempt=task.attempt))

    async def requeue_stored(self, task: Task) -> Task:
        """Begin the next attempt of a failed task, or the first one of a scheduled task."""
        changes = _next_attempt(task) if task.state is TaskState.FAILED else {}
        queued_task = await self.move_stored(task, TaskState.QUEUED, **changes)
        self._observer.observe(
            events.TaskRequeued(**names(queued_task), attempt=queued_task.attempt)
        )
        return queued_task

    async def cancel(self, live: LiveTask, reason: str) -> None:
        """End on request: CANCELLED, and nothing of the export stays."""
        task = await self.move(live, TaskState.CANCELLED, **self._cancellation(reason))
        self._observer.observe(events.TaskCancelled(**names(task), reason=reason))
        await self._settle(live)

    async def cancel_stored(self, task: Task, reason: str) -> Task:
        """End a task on request that nothing here works on."""
        cancelled = await self.move_stored(task, TaskState.CANCELLED, **self._cancellation(reason))
        self._observer.observe(events.TaskCancelled(**names(cancelled), reason=reason))
        return cancelled

    def _cancellation(self, reason: str) -> dict[str, Any]:
        return {
            "stage": Stage.NONE,
            "cancel_reason": reason,
            "finished_at": self.now(),
        }

    async def close_run(self, live: LiveTask) -> None:
        """Tidy up behind a run that has ended, in whatever way."""
        if live.task.is_final:
            await self.retire(live)
            return
        if self.owns(live.task):
            await self.checkpoint(live)
        if not live.task.object_crc64:  # else the file is whole, and only has to be stored
            await self._cleanup.remove_temporary(live.task.id)
            self._announce_removal(live.task)
        if not live.is_pushed:
            self._let_go(live)

    async def checkpoint(self, live: LiveTask) -> None:
        """Stop a run with the service: back to QUEUED, the rows stay in the log.

        The attempt stays the same: it is continued, not tried again.
        """
        task = await self.move(live, TaskState.QUEUED)
        live.queued_since = trio.current_time()
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
        """Remove what is not needed any more of an ended task, and let it go.

        What can't be removed is left to the next start of the service.
        """
        if live.connection is not None:
            live.connection.cancel()
        try:
            with trio.fail_after(CLEANUP_SECONDS, shield=True):
                await self._cleanup.close(live, keep_log=live.task.spool_expires_at is not None)
                self._announce_removal(live.task)
        except (RowferryError, trio.TooSlowError) as error:
            self._observer.observe(
                events.SystemError(error=error, where="cleanup", task_id=live.task.id)
            )
        finally:
            self._let_go(live)

    def _let_go(self, live: LiveTask) -> None:
        self._live_tasks.remove(live)
        live.ended.set()
        live.changed.notify()

    def _announce_removal(self, task: Task) -> None:
        if task.attempt:
            self._observer.observe(events.TempFileDeleted(**names(task)))


def _next_attempt(task: Task) -> dict[str, Any]:
    """Give the changes of a task that is tried again."""
    return {
        "attempt": task.attempt + 1,
        # a file that is whole is not written again
        "rows_written": task.rows_written if task.object_crc64 else 0,
        "finished_at": None,
        "spool_expires_at": None,
        **_NO_ERROR,
    }


def names(task: Task) -> dict[str, str]:
    """Give the fields that every event of a task has."""
    return {"task_id": task.id, "request_id": task.request_id, "client": task.client}


def queued(task: Task) -> QueuedTask:
    """Give what decides a task's place in line."""
    return QueuedTask(
        task_id=task.id, client=task.client, priority=task.priority, source=task.source
    )
