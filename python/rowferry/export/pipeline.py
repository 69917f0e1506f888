"""The one way of rows into a file: from the log, span by span, through a writer, into storage."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import trio

from rowferry.domain import events
from rowferry.domain.task import Stage, TaskState
from rowferry.export.byte_budget import ByteBudget
from rowferry.export.cleanup import Cleanup
from rowferry.export.live_task import LiveTask
from rowferry.export.parking import Parking
from rowferry.export.slots import HeldSlot
from rowferry.export.task_journal import TaskJournal, names
from rowferry.export.uploader import Uploader
from rowferry.ports import FileSummary, Observer, RowSource, RowWriter, RowWriters

_T = TypeVar("_T")
SPAN_BYTES: Final = 1 << 20  # rows a thread hop: long enough that the hop's cost vanishes


@dataclass(slots=True)
class _Attempt:
    """The file in the making: it starts again from the log when its writer is lost."""

    source: RowSource
    writer: RowWriter
    path: Path
    consumed_bytes: int = 0


class Pipeline:
    """Makes the file of one task: its caller holds the slot, which is given back when sealed."""

    def __init__(
        self,
        *,
        writers: RowWriters,
        uploader: Uploader,
        journal: TaskJournal,
        cleanup: Cleanup,
        parking: Parking,
        observer: Observer,
        budget: ByteBudget,
        writer_threads: trio.CapacityLimiter,
    ) -> None:
        self._writers = writers
        self._uploader = uploader
        self._journal = journal
        self._cleanup = cleanup
        self._parking = parking
        self._observer = observer
        self._budget = budget
        self._writer_threads = writer_threads

    async def run(self, live: LiveTask, slot: HeldSlot) -> None:
        """Take a queued task to COMPLETED; raise what stopped it.

        Temporary files are the caller's to remove.
        """
        task = await self._journal.move(
            live,
            TaskState.PROCESSING,
            stage=Stage.INITIALIZED,
            attempt=live.task.attempt + 1,
            started_at=live.task.started_at or self._journal.now(),
        )
        self._observer.observe(events.TaskStarted(**names(task), attempt=task.attempt))
        path, summary = await self._write_file(live, slot)
        slot.release()
        await self._uploader.store(live, path, summary)

    async def _write_file(self, live: LiveTask, slot: HeldSlot) -> tuple[Path, FileSummary]:
        attempt = await self._start(live)
        try:
            await self._journal.move(live, TaskState.PROCESSING, stage=Stage.WRITING)
            while not await self._write_span(live, attempt):
                attempt = await self._wait_for_rows(live, slot, attempt)
            await self._journal.move(live, TaskState.PROCESSING, stage=Stage.FINALIZING)
            summary = await self._finish(live, attempt)
        finally:
            attempt.writer.close()
        return attempt.path, summary

    async def _finish(self, live: LiveTask, attempt: _Attempt) -> FileSummary:
        began = trio.current_time()
        summary = await self._in_thread(attempt.writer.finish)
        self._observer.observe(
            events.FileFinalized(
                **names(live.task),
                rows=summary.rows,
                file_bytes=summary.file_bytes,
                duration_seconds=trio.current_time() - began,
            )
        )
        return summary

    async def _start(self, live: LiveTask) -> _Attempt:
        """Open the log at its first row, and the file."""
        number = live.task.attempt

        def open_both() -> _Attempt:
            path = self._cleanup.attempt_path(live.task.id, number)
            source = live.log.reader()
            return _Attempt(source, self._writers.open(live.spec, str(path)), path)

        attempt = await self._in_thread(open_both)
        live.started_writing = trio.current_time()
        live.rows_read(0, 0)
        self._observer.observe(
            events.FileCreated(**names(live.task), format=live.task.format, attempt=number)
        )
        return attempt

    async def _write_span(self, live: LiveTask, attempt: _Attempt) -> bool:
        """Write what the log has, span by span; return True when that was the last row."""

        def step() -> tuple[int, int, int] | None:
            frames = attempt.source.read(SPAN_BYTES)
            return (len(frames), *attempt.writer.write(frames)) if frames else None

        while True:
            with self._budget.open_read_ahead() as account:
                await account.acquire(SPAN_BYTES)
                done = await self._in_thread(step)
            if done is None:
                return attempt.source.ended
            span_bytes, rows, file_bytes = done
            attempt.consumed_bytes += span_bytes
            live.rows_read(rows, attempt.consumed_bytes)
            self._observer.observe(
                events.RecordsWritten(**names(live.task), rows=rows, file_bytes=file_bytes)
            )

    async def _wait_for_rows(self, live: LiveTask, slot: HeldSlot, attempt: _Attempt) -> _Attempt:
        """Wait until the log has more; a silent task is parked, and may lose its writer."""

        def more() -> bool:
            return live.rows_ended or live.log.rows > attempt.source.rows

        kept = await self._parking.wait(live, slot, more)
        if kept:
            return attempt
        attempt.writer.close()
        await live.changed.wait_for(more)
        await slot.take_again()
        return await self._start(live)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await trio.to_thread.run_sync(work, limiter=self._writer_threads)
