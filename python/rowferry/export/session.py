"""One connection that brings rows to a task: appended to the log first, acknowledged then."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import Task, TaskState
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask
from rowferry.export.task_journal import names, queued
from rowferry.ports import Appended, BatchMessage, Observer, TaskQueue


class PushSession:
    """Rows of one connection. Entering it makes the connection the task's newest.

    ``scope`` is cancelled when the task ends, or when a newer connection of it takes over: rows
    are to be received and appended inside.
    """

    def __init__(
        self,
        live: LiveTask,
        *,
        queue: TaskQueue,
        fail: Callable[[LiveTask, RowferryError], Awaitable[None]],
        spool_threads: DiskThreads,
        sync_threads: DiskThreads,
        max_lag_bytes: int,
        quotas: DayQuotas,
        observer: Observer,
    ) -> None:
        self.live = live
        self.scope = trio.CancelScope()
        self._queue = queue
        self._fail = fail
        self._spool_threads = spool_threads
        self._sync_threads = sync_threads
        self._max_lag_bytes = max_lag_bytes
        self._quotas = quotas
        self._observer = observer

    def __enter__(self) -> Self:
        self.live.connect(self.scope)
        self._offer()
        return self

    def __exit__(self, *_: object) -> None:
        live = self.live
        live.disconnect(self.scope)
        self._quotas.flush_soon()
        if not live.claimable:
            self._queue.withdraw(live.task.id)

    async def settled(self) -> tuple[Task, int]:
        """Give the task and its next batch, once the connection before has nothing under way.

        What is told as kept is kept as ``sync`` promises.
        """
        live = self.live
        async with live.log_lock:
            self._check_certain()
            live.rows_appended(live.log.rows)  # some came by a write that was given up, perhaps
            await self.sync()
            if live.log.ended and not live.rows_ended:
                self._end_rows()
            return live.snapshot(), live.log.next_sequence

    @property
    def must_pause(self) -> bool:
        """Tell whether the writer is so far behind that the door must stop reading."""
        live = self.live
        running = live.task.state is TaskState.PROCESSING
        return running and live.lag_bytes > self._max_lag_bytes

    async def wait_for_room(self) -> None:
        """Wait until the writer has caught up."""
        await self.live.changed.wait_for(lambda: not self.must_pause)

    async def append(self, messages: Sequence[BatchMessage]) -> Appended:
        """Append batches; what is returned as kept survives a crash of the process.

        A refusal is in the answer, with what was kept before it. Rows that outgrow what one task
        may have end the task, and with it the connection. Raises RATE_LIMITED, and appends
        nothing, when the client has used up its day.
        """
        live = self.live
        await self._quotas.check(live.task.client)
        async with live.log_lock:
            await self._check_open()
            self._check_certain()
            with self._counted():
                done = await self._spool_threads.run_sync(live.log.append, messages)
        live.rows_appended(done.rows)
        self._observer.observe(
            events.BatchReceived(
                **names(live.task),
                batch_sequence=done.last_sequence,
                batches=done.batches_appended,
                rows=done.rows,
                payload_bytes=done.payload_bytes,
            )
        )
        if done.log_full and done.refused is not None:
            await self._fail(live, done.refused)
            await self._check_open()
        return done

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count what the log has more at the end, however the block ends."""
        log = self.live.log
        rows, payload_bytes = log.rows, log.payload_bytes
        try:
            yield
        finally:
            self._quotas.count(
                self.live.task.client, log.rows - rows, log.payload_bytes - payload_bytes
            )

    async def sync(self) -> None:
        """Make what was appended before survive a loss of power too, if the spool promises it.

        One call is for all appends before it; rows are appended while it runs.
        """
        if self.live.log.unsynced:
            await self._sync_threads.run_sync(self.live.log.sync)

    async def end(self, expected_rows: int) -> None:
        """Mark the end of rows; raise ROW_COUNT_MISMATCH if another number was expected."""
        live = self.live
        async with live.log_lock:
            await self._check_open()
            self._check_certain()
            await self._spool_threads.run_sync(live.log.end, expected_rows)
            await self.sync()
        self._end_rows()

    def _end_rows(self) -> None:
        self.live.end_rows()
        self._offer()

    def broke(self, error: RowferryError) -> None:
        """Note why the connection ended early: the task fails with it if nobody comes back."""
        live = self.live
        if live.connection is not self.scope or live.rows_ended or live.task.is_final:
            return
        live.stream_failure = error.without_origin()
        live.changed.notify()  # whoever holds a slot for it need not wait for its rows
        self._observer.observe(
            events.StreamError(
                **names(live.task), error_code=error.code, rows_received=live.rows_received
            )
        )

    def _offer(self) -> None:
        if self.live.claimable:
            self._queue.offer(queued(self.live.task))

    def _check_certain(self) -> None:
        """Raise WRITE_FAILED while a write that was given up may still reach the log."""
        if self._spool_threads.hold(self.live.log):
            message = "An earlier write of the task's rows has not come back from the disk."
            raise RowferryError(ErrorCode.WRITE_FAILED, message)

    async def _check_open(self) -> None:
        """Stop here when the task has ended: its end cancels the scope of its connection."""
        if self.live.task.is_final:
            await trio.sleep_forever()


def stream_lost() -> RowferryError:
    """Build the reason of a task whose client went away in the middle."""
    message = "The stream ended before the end of rows, and nobody resumed it."
    return RowferryError(ErrorCode.STREAM_LOST, message)
