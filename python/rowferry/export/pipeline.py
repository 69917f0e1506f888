"""The one way of rows into a file: from a feed, span by span, through a writer, into storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.task import Stage, TaskState
from rowferry.export.cleanup import Cleanup
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.file_upload import FileUpload
from rowferry.export.leftovers import Leftovers
from rowferry.export.live_task import LiveTask
from rowferry.export.parking import Parking
from rowferry.export.row_feed import RowFeed, RowFeeds
from rowferry.export.slots import HeldSlot
from rowferry.export.task_journal import TaskJournal, names
from rowferry.export.uploader import Uploader
from rowferry.ports import FileSummary, Observer, RowWriter, RowWriters

_NOT_SEALED: Final[dict[str, Any]] = {
    "stage": Stage.WRITING,
    "file_bytes": 0,
    "sha256": "",
    "object_crc64": "",
    "fidelity": (),
}


@dataclass(slots=True)
class _Attempt:
    """The file in the making: it starts again from the log when its writer is lost."""

    live: LiveTask
    feed: RowFeed
    writer: RowWriter
    upload: FileUpload
    consumed_bytes: int = 0

    def has_more(self) -> bool:
        """Tell whether a log has rows that the file lacks, or its end."""
        return self.live.rows_ended or self.live.rows_received > self.feed.rows


class Pipeline:
    """Makes the file of one task: its caller holds the slot, which is given back when sealed."""

    def __init__(
        self,
        *,
        writers: RowWriters,
        uploader: Uploader,
        leftovers: Leftovers,
        journal: TaskJournal,
        cleanup: Cleanup,
        parking: Parking,
        observer: Observer,
        feeds: RowFeeds,
        writer_threads: DiskThreads,
    ) -> None:
        self._writers = writers
        self._uploader = uploader
        self._leftovers = leftovers
        self._journal = journal
        self._cleanup = cleanup
        self._parking = parking
        self._observer = observer
        self._feeds = feeds
        self._writer_threads = writer_threads

    async def run(self, live: LiveTask, slot: HeldSlot) -> None:
        """Take a queued task to COMPLETED; raise what stopped it.

        Temporary files are the caller's to remove.
        """
        task = await self._journal.move(
            live,
            TaskState.PROCESSING,
            stage=Stage.INITIALIZED,
            attempt=max(1, live.task.attempt),  # a run that was stopped goes on as the same
            started_at=live.task.started_at or self._journal.now(),
        )
        self._observer.observe(events.TaskStarted(**names(task), attempt=task.attempt))
        if await self._leftovers.holds_file(task):
            slot.release()
            await self._journal.move(live, TaskState.UPLOADING, stage=Stage.NONE)
            await self._uploader.complete_found(live)
            return
        path = self._cleanup.attempt_path(task.id, task.attempt)
        async with self._uploader.open(live, path) as upload:
            await self._leftovers.drop_former(live, upload.key)
            summary = await self._sealed_file(live, path)
            if summary is None:
                summary = await self._write_file(live, slot, path, upload)
            slot.release()
            await self._uploader.store(live, upload, path, summary)

    async def _sealed_file(self, live: LiveTask, path: Path) -> FileSummary | None:
        """Give the file that an earlier run finished and could not store, if it is still whole."""
        task = live.task
        if not task.object_crc64:
            return None
        if not await self._cleanup.take_sealed(task.id, task.file_bytes, path):
            return None
        try:
            checksums = await self._uploader.checksums(path)
        except RowferryError:
            return None  # it is written again
        if checksums.sha256 != task.sha256:
            return None
        live.rows_read(task.rows_written, 0)
        return FileSummary(
            rows=task.rows_written,
            file_bytes=task.file_bytes,
            checksums=checksums,
            fidelity=task.fidelity,
        )

    async def _write_file(
        self, live: LiveTask, slot: HeldSlot, path: Path, upload: FileUpload
    ) -> FileSummary:
        while True:
            async with self._started(live, path, upload) as attempt:
                await self._journal.move(live, TaskState.PROCESSING, **_NOT_SEALED)
                if await self._write_all(live, slot, attempt):
                    await self._journal.move(live, TaskState.PROCESSING, stage=Stage.FINALIZING)
                    return await self._finish(live, attempt)
            await live.changed.wait_for(attempt.has_more)
            await self._parking.resume(live, slot)

    async def _finish(self, live: LiveTask, attempt: _Attempt) -> FileSummary:
        began = trio.current_time()
        summary = await self._writer_threads.run_sync(attempt.writer.finish)
        self._observer.observe(
            events.FileFinalized(
                **names(live.task),
                rows=summary.rows,
                file_bytes=summary.file_bytes,
                duration_seconds=trio.current_time() - began,
            )
        )
        return summary

    @asynccontextmanager
    async def _started(
        self, live: LiveTask, path: Path, upload: FileUpload
    ) -> AsyncIterator[_Attempt]:
        """Open the rows at the first one, and the file; close both at the end."""
        number = live.task.attempt
        async with self._feeds.open(live) as feed:
            writer = await self._writer_threads.run_sync(self._writers.open, live.spec, str(path))
            try:
                live.started_writing = trio.current_time()
                live.rows_read(0, 0)
                upload.rewritten()
                self._observer.observe(
                    events.FileCreated(**names(live.task), format=live.task.format, attempt=number)
                )
                yield _Attempt(live, feed, writer, upload)
            finally:
                writer.close()

    async def _write_all(self, live: LiveTask, slot: HeldSlot, attempt: _Attempt) -> bool:
        """Write rows to the last one; False when the writer is lost to others meanwhile."""
        while not await self._write_span(live, attempt):
            if not await self._parking.wait(live, slot, attempt.has_more):
                return False
        return True

    async def _write_span(self, live: LiveTask, attempt: _Attempt) -> bool:
        """Write what is there, span by span; return True when that was the last row."""
        while (moved := await attempt.feed.move(attempt.writer.write)) is not None:
            span_bytes, written = moved
            attempt.consumed_bytes += span_bytes
            live.rows_read(written.rows, attempt.consumed_bytes, written.file_bytes)
            attempt.upload.grown(written.file_bytes, written.pending)
            self._observer.observe(
                events.RecordsWritten(
                    **names(live.task), rows=written.rows, file_bytes=written.file_bytes
                )
            )
        return attempt.feed.ended
