"""A finished file goes into storage; only what storage confirms is called complete."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import content_disposition, download_name, storage_key
from rowferry.domain.task import Stage, TaskState
from rowferry.export.live_task import LiveTask
from rowferry.export.task_journal import CLEANUP_SECONDS, TaskJournal, names
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import (
    FileChecksums,
    FileDigest,
    FileSummary,
    NewObject,
    ObjectStorage,
    Observer,
    RowWriters,
    StoredObject,
)

KEY_PREFIX: Final = "exports"
# About 30 ms of a thread: writers are not kept from it for long, nor is a cancellation.
HASH_STEP_BYTES: Final = 32 << 20


class Uploader:
    """Stores files and completes their tasks."""

    def __init__(
        self,
        *,
        storage: ObjectStorage,
        writers: RowWriters,
        journal: TaskJournal,
        observer: Observer,
        upload_threads: trio.CapacityLimiter,
        writer_threads: trio.CapacityLimiter,
        link_expiry_seconds: float,
        file_seconds: float,
    ) -> None:
        self._storage = storage
        self._writers = writers
        self._journal = journal
        self._observer = observer
        self._upload_threads = upload_threads
        self._writer_threads = writer_threads
        self._link_expiry = timedelta(seconds=link_expiry_seconds)
        self._file_seconds = file_seconds

    async def store(self, live: LiveTask, path: Path, summary: FileSummary) -> None:
        """Put the file, look it up, complete the task. Without COMPLETED no object stays.

        But for a database that did not say whether it took COMPLETED: then the object stays until
        it can be asked, by whoever takes the task up again.
        """
        new = self._describe(live)
        # the key is recorded before there is an object, so that a crash leaves none unknown
        await self._journal.move(live, TaskState.UPLOADING, stage=Stage.NONE, object_key=new.key)
        stays = False
        try:
            checksums = await self._put_and_sum_up(live, path, new, summary)
            await self._complete(live, summary, checksums.sha256)
            stays = True
        except RowferryError as error:
            stays = error.code is ErrorCode.DATABASE_UNAVAILABLE
            raise
        finally:
            if not stays:
                await self._take_back(new.key)  # noqa: ASYNC102  shielded inside

    async def _put_and_sum_up(
        self, live: LiveTask, path: Path, new: NewObject, summary: FileSummary
    ) -> FileChecksums:
        """Put the file, and meanwhile sum it up unless that was done while it was written."""
        if summary.checksums is not None:
            await self._put(live, path, new, summary.file_bytes)
            return summary.checksums
        # opened before the file may be moved away
        digest = await trio.to_thread.run_sync(
            self._writers.open_digest, str(path), limiter=self._writer_threads
        )
        async with open_plain_nursery() as nursery:
            nursery.start_soon(self._put, live, path, new, summary.file_bytes)
            return await self._sum_up(digest)

    async def _sum_up(self, digest: FileDigest) -> FileChecksums:
        while True:
            checksums = await trio.to_thread.run_sync(
                digest.advance, HASH_STEP_BYTES, limiter=self._writer_threads
            )
            if checksums is not None:
                return checksums

    async def _put(self, live: LiveTask, path: Path, new: NewObject, file_bytes: int) -> None:
        began = trio.current_time()

        def put_and_head() -> StoredObject | None:
            self._storage.put(str(path), new)
            return self._storage.head(new.key)

        found = await trio.to_thread.run_sync(put_and_head, limiter=self._upload_threads)
        if found is None or found.size_bytes != file_bytes:
            message = "The storage does not have the file that was put into it."
            raise RowferryError(ErrorCode.UPLOAD_FAILED, message)
        await trio.to_thread.run_sync(
            self._storage.set_tags, new.key, _tags(live), limiter=self._upload_threads
        )
        self._observer.observe(
            events.FileStored(
                **names(live.task),
                object_key=new.key,
                file_bytes=file_bytes,
                duration_seconds=trio.current_time() - began,
            )
        )

    async def _complete(self, live: LiveTask, summary: FileSummary, sha256: str) -> None:
        finished = self._journal.now()
        kept = timedelta(seconds=live.spec.retention_seconds or self._file_seconds)
        await self._journal.complete(
            live,
            file_bytes=summary.file_bytes,
            sha256=sha256,
            fidelity=summary.fidelity,
            finished_at=finished,
            link_expires_at=finished + min(self._link_expiry, kept),
            file_expires_at=finished + kept,
        )

    async def _take_back(self, key: str) -> None:
        with trio.move_on_after(CLEANUP_SECONDS) as scope:
            scope.shield = True
            await trio.to_thread.run_sync(self._storage.delete, key, limiter=self._upload_threads)

    def _describe(self, live: LiveTask) -> NewObject:
        spec = live.spec
        extension = self._writers.extension(spec)
        return NewObject(
            key=storage_key(KEY_PREFIX, live.task.id, live.task.attempt, extension),
            content_type=self._writers.content_type(spec),
            content_disposition=content_disposition(download_name(spec.filename, extension)),
        )


def _tags(live: LiveTask) -> Mapping[str, str]:
    """Give the object's tags: the client's own, and what finds the task."""
    return {**live.spec.tags, "rowferry-task": live.task.id, "rowferry-client": live.task.client}
