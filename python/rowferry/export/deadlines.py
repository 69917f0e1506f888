"""Tasks that nobody brings further end: too long in the queue, or left alone by their client."""

from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import TaskState
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.session import stream_lost
from rowferry.export.task_journal import TaskJournal
from rowferry.ports import Observer, TaskQueue

TICK_SECONDS: Final = 1.0


class Deadlines:
    """Looks at every live task once a second."""

    def __init__(
        self,
        *,
        live_tasks: LiveTasks,
        queue: TaskQueue,
        journal: TaskJournal,
        observer: Observer,
        queue_timeout_seconds: float,
        resume_window_seconds: float,
    ) -> None:
        self._live_tasks = live_tasks
        self._queue = queue
        self._journal = journal
        self._observer = observer
        self._queue_timeout_seconds = queue_timeout_seconds
        self._resume_window_seconds = resume_window_seconds

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await trio.sleep(TICK_SECONDS)
            for live in self._live_tasks:
                error = self._overdue(live, trio.current_time())
                if error is not None:
                    await self._end(live, error)

    async def _end(self, live: LiveTask, error: RowferryError) -> None:
        try:
            await self._journal.fail(live, error)
        except RowferryError as failure:
            if failure.code is not ErrorCode.INVALID_STATE:  # else it has just ended otherwise
                self._observer.observe(
                    events.SystemError(error=failure, where="deadlines", task_id=live.task.id)
                )
        else:
            self._queue.withdraw(live.task.id)

    def _overdue(self, live: LiveTask, now: float) -> RowferryError | None:
        if live.task.is_final:
            return None
        alone = None if live.rows_ended else live.alone_since
        if alone is not None and now - alone > self._resume_window_seconds:
            return live.stream_failure or stream_lost()
        queued = live.task.state is TaskState.QUEUED
        if queued and now - live.queued_since > self._queue_timeout_seconds:
            message = "The task waited too long for a slot."
            context = {"queue_timeout_seconds": self._queue_timeout_seconds}
            return RowferryError(ErrorCode.QUEUE_TIMEOUT, message, context)
        return None
