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
from rowferry.ports import FileSummary, ObjectStorage, Observer, RowWriters, StoredObject

KEY_PREFIX: Final = "exports"


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
        link_expiry_seconds: float,
    ) -> None:
        self._storage = storage
        self._writers = writers
        self._journal = journal
        self._observer = observer
        self._upload_threads = upload_threads
        self._link_expiry = timedelta(seconds=link_expiry_seconds)

    async def store(self, live: LiveTask, path: Path, summary: FileSummary) -> None:
        """Put the file, look it up, complete the task. Without COMPLETED no object stays."""
        stored = self._describe(live, summary)
        # the key is recorded before there is an object, so that a crash leaves none unknown
        await self._journal.move(
            live, TaskState.UPLOADING, stage=Stage.NONE, object_key=stored.key
        )
        completed = False
        try:
            await self._put(live, path, stored)
            await self._complete(live, summary)
            completed = True
        finally:
            if not completed:
                await self._take_back(stored.key)  # noqa: ASYNC102  shielded inside

    async def _put(self, live: LiveTask, path: Path, stored: StoredObject) -> None:
        began = trio.current_time()

        def put_and_head() -> StoredObject | None:
            self._storage.put(str(path), stored)
            return self._storage.head(stored.key)

        found = await trio.to_thread.run_sync(put_and_head, limiter=self._upload_threads)
        if found is None or found.size_bytes != stored.size_bytes:
            message = "The storage does not have the file that was put into it."
            raise RowferryError(ErrorCode.STORAGE_UNAVAILABLE, message)
        self._observer.observe(
            events.FileStored(
                **names(live.task),
                object_key=stored.key,
                file_bytes=stored.size_bytes,
                duration_seconds=trio.current_time() - began,
            )
        )

    async def _complete(self, live: LiveTask, summary: FileSummary) -> None:
        finished = self._journal.now()
        await self._journal.complete(
            live,
            file_bytes=summary.file_bytes,
            sha256=summary.sha256,
            fidelity=summary.fidelity,
            finished_at=finished,
            link_expires_at=finished + self._link_expiry,
        )

    async def _take_back(self, key: str) -> None:
        with trio.move_on_after(CLEANUP_SECONDS) as scope:
            scope.shield = True
            await trio.to_thread.run_sync(self._storage.delete, key, limiter=self._upload_threads)

    def _describe(self, live: LiveTask, summary: FileSummary) -> StoredObject:
        spec = live.spec
        extension = self._writers.extension(spec)
        return StoredObject(
            key=storage_key(KEY_PREFIX, live.task.id, live.task.attempt, extension),
            size_bytes=summary.file_bytes,
            sha256=summary.sha256,
            content_type=self._writers.content_type(spec),
            content_disposition=content_disposition(download_name(spec.filename, extension)),
            tags=_tags(live),
        )


def _tags(live: LiveTask) -> Mapping[str, str]:
    """Give the object's tags: the client's own, and what finds the task."""
    return {**live.spec.tags, "rowferry-task": live.task.id, "rowferry-client": live.task.client}
