"""Finished files go into storage, beginning before they are finished; their tasks complete."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.error_catalogue import CATALOGUE
from rowferry.domain.errors import ErrorClass, ErrorCode, RowferryError
from rowferry.domain.multipart import UploadPolicy
from rowferry.domain.naming import content_disposition, download_name, storage_key
from rowferry.domain.task import Task
from rowferry.export.cleanup import Cleanup
from rowferry.export.file_upload import FileUpload
from rowferry.export.live_task import LiveTask
from rowferry.export.object_tags import write_tags
from rowferry.export.sealed_file import Destination, SealedFile
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.task_journal import TaskJournal, names
from rowferry.plain_nursery import open_plain_nursery
from rowferry.ports import FileChecksums, FileSummary, NewObject, Observer, RowWriters, Storages

LOCAL: Final = "local"
_OF_STORAGE: Final = frozenset({ErrorClass.STORAGE, ErrorClass.UPLOAD})
# About 30 ms of a thread: writers are not kept from it for long, nor is a cancellation.
HASH_STEP_BYTES: Final = 32 << 20


class Uploader:
    """Stores files and completes their tasks."""

    def __init__(
        self,
        *,
        storages: Storages,
        policy: UploadPolicy,
        calls: StorageCalls,
        writers: RowWriters,
        journal: TaskJournal,
        cleanup: Cleanup,
        observer: Observer,
        writer_threads: trio.CapacityLimiter,
        link_expiry_seconds: float,
        file_seconds: float,
    ) -> None:
        self._storages = storages
        self._policy = policy
        self._calls = calls
        self._writers = writers
        self._journal = journal
        self._cleanup = cleanup
        self._observer = observer
        self._writer_threads = writer_threads
        self._link_expiry = timedelta(seconds=link_expiry_seconds)
        self._file_seconds = file_seconds

    @asynccontextmanager
    async def open(self, live: LiveTask, path: Path) -> AsyncIterator[FileUpload]:
        """Take the file at ``path`` along while it is written; what is under way ends with it.

        What an upload leaves that did not come to its end is recorded in the task.
        """
        upload = self._upload(live, path, self._storages.primary)
        failure: Exception | None = None
        async with open_plain_nursery() as nursery:
            nursery.start_soon(upload.send_parts)
            try:
                yield upload
            except Exception as error:  # noqa: BLE001  raised below: not as one of a group
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _upload(self, live: LiveTask, path: Path, storage_name: str) -> FileUpload:
        to = Destination(
            storage_name=storage_name,
            storage=self._storages.named(storage_name),
            new=self._new_object(live),
        )
        return FileUpload(
            live,
            path,
            to,
            policy=self._policy,
            calls=self._calls,
            journal=self._journal,
            observer=self._observer,
        )

    async def store(
        self, live: LiveTask, upload: FileUpload, path: Path, summary: FileSummary
    ) -> None:
        """Bring a finished file into storage and complete its task.

        Raises UPLOAD_FAILED when it takes too long, and what storages raise.
        """
        upload.seal(summary.file_bytes)
        await upload.record_destination()
        file = await self._sum_up(live, path, summary)
        try:
            await self._finish_in_time(upload, file)
        except RowferryError as error:
            if CATALOGUE[error.code].error_class not in _OF_STORAGE:
                raise
            self._announce_failure(live, error)
            if not self._falls_back(live, error):
                raise
            await self._store_locally(live, file)
        await self._cleanup.keep_file(live.task.id, path)
        await self.complete(live)

    async def _sum_up(self, live: LiveTask, path: Path, summary: FileSummary) -> SealedFile:
        """Hash the file unless that was done while it was written, and record what it is.

        Whoever finds the object afterwards can tell whether it is the file.
        """
        checksums = summary.checksums or await self.checksums(path)
        await self._journal.note(
            live,
            file_bytes=summary.file_bytes,
            sha256=checksums.sha256,
            object_crc64=f"{checksums.crc64:016x}",
            fidelity=summary.fidelity,
        )
        return SealedFile(
            path=path,
            file_bytes=summary.file_bytes,
            sha256=checksums.sha256,
            crc64=checksums.crc64,
        )

    async def checksums(self, path: Path) -> FileChecksums:
        """Read a finished file once; raise WRITE_FAILED."""
        digest = await trio.to_thread.run_sync(
            self._writers.open_digest, str(path), limiter=self._writer_threads
        )
        while True:
            checksums = await trio.to_thread.run_sync(
                digest.advance, HASH_STEP_BYTES, limiter=self._writer_threads
            )
            if checksums is not None:
                return checksums

    async def _finish_in_time(self, upload: FileUpload, file: SealedFile) -> None:
        with trio.move_on_after(self._policy.upload_timeout_seconds):
            await upload.finish(file)
            return
        context = {"upload_timeout_seconds": self._policy.upload_timeout_seconds}
        message = "The upload took longer than it may."
        raise RowferryError(ErrorCode.UPLOAD_FAILED, message, context)

    def _falls_back(self, live: LiveTask, error: RowferryError) -> bool:
        """Tell whether the file goes to local disk: the storage has failed it for good."""
        is_last = not self._journal.tries_again(live.task, error)
        return self._policy.falls_back and is_last

    async def _store_locally(self, live: LiveTask, file: SealedFile) -> None:
        """Keep the file on local disk, whence its link serves it; somebody has to look."""
        self._observer.observe(
            events.StorageAlert(
                kind="fallback",
                storage_code="",
                message="The storage fails: the file is served from local disk.",
                task_id=live.task.id,
            )
        )
        upload = self._upload(live, file.path, LOCAL)
        upload.seal(file.file_bytes)
        await upload.record_destination()
        await upload.finish(file)

    async def complete_found(self, live: LiveTask) -> None:
        """Complete a task whose file an earlier run brought into storage before it was stopped."""
        task = live.task
        await write_tags(
            live,
            task.object_key,
            task.sha256,
            storage=self._storages.named(task.storage),
            calls=self._calls,
            observer=self._observer,
        )
        await self.complete(live)

    async def complete(self, live: LiveTask) -> None:
        """Say that the recorded file is the task's object: COMPLETED."""
        finished = self._journal.now()
        kept = timedelta(seconds=live.spec.retention_seconds or self._file_seconds)
        await self._journal.complete(
            live,
            finished_at=finished,
            link_expires_at=finished + min(self._link_expiry, kept),
            file_expires_at=finished + kept,
        )

    def _announce_failure(self, live: LiveTask, error: RowferryError) -> None:
        task: Task = live.task
        storage_code = getattr(error, "reason", "")
        self._observer.observe(
            events.OSSUploadFailed(
                **names(task),
                storage=task.storage,
                object_key=task.object_key,
                error_code=error.code,
                storage_code=storage_code,
                message=error.message,
            )
        )

    def _new_object(self, live: LiveTask) -> NewObject:
        spec, task = live.spec, live.task
        extension = self._writers.extension(spec)
        return NewObject(
            key=storage_key(self._policy.prefix, task.id, task.attempt, extension),
            content_type=self._writers.content_type(spec),
            content_disposition=content_disposition(download_name(spec.filename, extension)),
        )
