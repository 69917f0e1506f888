"""One attempt's file on its way into storage; only what storage confirms is called complete."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.multipart import ByteRange, UploadPolicy, plan_parts
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.domain.task import Stage, TaskState
from rowferry.export.live_task import LiveTask
from rowferry.export.object_tags import write_tags
from rowferry.export.part_upload import PartUpload
from rowferry.export.sealed_file import Destination, SealedFile, is_whole
from rowferry.export.storage_calls import FileBody, StorageCalls
from rowferry.export.task_journal import TaskJournal, names
from rowferry.ports import (
    MultipartStorage,
    NewObject,
    Observer,
    Part,
    Upload,
)

START_SECONDS: Final = 30.0  # for an upload that is started while its export is cancelled
COMMITS: Final = 3  # a storage that loses parts again and again is given up


class FileUpload:
    """Takes a file into storage: in parts from its first sealed one on, or whole at the end."""

    def __init__(
        self,
        live: LiveTask,
        path: Path,
        to: Destination,
        *,
        policy: UploadPolicy,
        calls: StorageCalls,
        journal: TaskJournal,
        observer: Observer,
    ) -> None:
        self._live = live
        self._to = to
        self._policy = policy
        self._calls = calls
        self._journal = journal
        self._observer = observer
        self._sealed_at: float | None = None
        self._parts_while_writing = 0
        multipart = to.storage.multipart
        self._parts = self._part_upload(path, multipart) if multipart is not None else None

    def _part_upload(self, path: Path, multipart: MultipartStorage) -> PartUpload:
        spec = self._live.spec
        plan = plan_parts(
            part_bytes=self._policy.part_bytes,
            min_part_bytes=multipart.min_part_bytes,
            max_parts=multipart.max_parts,
            expected_cells=spec.expected_rows * len(spec.columns),
        )

        async def begin() -> tuple[Upload, Sequence[Part]]:
            upload, listed = await self._begin(multipart)
            self._observer.observe(
                events.OSSUploadStarted(
                    **names(self._live.task),
                    storage=self._to.storage_name,
                    object_key=upload.key,
                    part_bytes=plan.part_bytes,
                    parts_found=len(listed),
                )
            )
            return upload, listed

        return PartUpload(
            multipart=multipart,
            calls=self._calls,
            path=path,
            plan=plan,
            parallel_parts=self._policy.parallel_parts,
            begin=begin,
            report=self._report_part,
        )

    async def _begin(self, multipart: MultipartStorage) -> tuple[Upload, Sequence[Part]]:
        """Go on with the upload of a run that was stopped, or start one and record it."""
        new, earlier = self._to.new, self._earlier_upload()
        if earlier is not None:
            try:
                return earlier, await self._calls.run("parts", partial(multipart.parts, earlier))
            except StorageFault as fault:
                if fault.kind is not FaultKind.UPLOAD_GONE:
                    raise
        # a cancellation waits: nobody would know of an upload that is started meanwhile
        with trio.move_on_after(START_SECONDS, shield=True):
            return await self._started(multipart, new), ()
        raise StorageFault(FaultKind.TRANSIENT, "The storage did not start an upload in time.")

    def _earlier_upload(self) -> Upload | None:
        """Give the upload that a run of this attempt which was stopped has recorded."""
        task = self._live.task
        if not task.upload_id or (task.storage, task.object_key) != (
            self._to.storage_name,
            self.key,
        ):
            return None
        return Upload(key=self.key, upload_id=task.upload_id)

    async def _started(self, multipart: MultipartStorage, new: NewObject) -> Upload:
        upload = await self._calls.run("start", partial(multipart.start, new))
        try:
            # before the first part, so that a crash leaves no parts unknown
            await self._record(upload_id=upload.upload_id)
        except RowferryError:
            await self._calls.run("abort", partial(multipart.abort, upload))
            raise
        return upload

    async def _record(self, **changes: object) -> None:
        await self._journal.note(
            self._live, storage=self._to.storage_name, object_key=self.key, **changes
        )

    def _report_part(self, part: Part, seconds: float) -> None:
        self._parts_while_writing += self._sealed_at is None
        self._observer.observe(
            events.OSSPartUploaded(
                **names(self._live.task),
                part_number=part.number,
                size_bytes=part.size_bytes,
                duration_seconds=seconds,
            )
        )

    def grown(self, file_bytes: int, pending: ByteRange | None) -> None:
        """Take note of a file that grows: all but ``pending`` of it will stay as it is."""
        if self._parts is not None and self._policy.upload_while_writing:
            self._parts.grown(file_bytes, pending)

    def rewritten(self) -> None:
        """Take note that the file begins again."""
        if self._parts is not None:
            self._parts.rewritten()

    async def send_parts(self) -> None:
        """Send parts as they are sealed; to run beside what writes the file."""
        if self._parts is not None:
            await self._parts.run()

    def seal(self, file_bytes: int) -> None:
        """Take note that the file is whole: its last parts leave while it is summed up."""
        self._sealed_at = trio.current_time()
        large = file_bytes >= self._policy.multipart_threshold_bytes
        if self._parts is not None and (
            large or self._parts.has_begun or self._earlier_upload() is not None
        ):
            self._parts.seal(file_bytes)
        else:
            self._parts = None

    async def finish(self, file: SealedFile) -> None:
        """Make the sealed file the object, and look it up; raise what hindered it.

        What the file is has been recorded: from the first call on the object may be there.
        """
        if self._parts is not None:
            await self._parts.sent()
            await self._commit(self._parts)
        else:
            await self._put(file)
        await self._check(file)
        self._report(file)
        await write_tags(
            self._live,
            self.key,
            file.sha256,
            storage=self._to.storage,
            calls=self._calls,
            observer=self._observer,
        )

    @property
    def key(self) -> str:
        """The object's key."""
        return self._to.new.key

    async def record_destination(self) -> None:
        """Say that the file is complete and only has to get there: UPLOADING.

        The key is recorded before there is an object, so that a crash leaves none unknown.
        """
        await self._journal.move(
            self._live,
            TaskState.UPLOADING,
            stage=Stage.NONE,
            storage=self._to.storage_name,
            object_key=self.key,
        )

    async def _commit(self, parts: PartUpload) -> None:
        multipart = self._to.storage.multipart
        assert multipart is not None  # noqa: S101  there are parts
        for _ in range(COMMITS):
            complete = partial(multipart.complete, parts.upload, parts.parts)
            try:
                await self._calls.run("complete", complete)
            except StorageFault as fault:
                if fault.kind is FaultKind.PART_LOST:
                    list_parts = partial(multipart.parts, parts.upload)
                    await parts.send_lost(await self._calls.run("parts", list_parts))
                    continue
                # an answer that was lost: the object tells whether it happened
                if fault.kind not in {FaultKind.UPLOAD_GONE, FaultKind.ALREADY_THERE}:
                    raise
            return
        raise _failed("The storage loses parts of the file.")

    async def _put(self, file: SealedFile) -> None:
        put = partial(self._to.storage.put, str(file.path), self._to.new)
        seconds = FileBody(file.path, 0, file.file_bytes).seconds
        try:
            await self._calls.run("put", put, seconds=seconds)
        except StorageFault as fault:
            if fault.kind is not FaultKind.ALREADY_THERE:
                raise

    async def _check(self, file: SealedFile) -> None:
        found = await self._calls.run("head", partial(self._to.storage.head, self.key))
        if found is None:
            raise _failed("The storage does not have the file that was put into it.")
        if not is_whole(found, file.file_bytes, file.crc64):
            # nobody may take it for the file
            await self._calls.run("delete", partial(self._to.storage.delete, self.key))
            raise _failed("The storage has another file than the one that was put into it.")

    def _report(self, file: SealedFile) -> None:
        now = trio.current_time()
        stored = events.FileStored(
            **names(self._live.task),
            object_key=self.key,
            file_bytes=file.file_bytes,
            duration_seconds=now - (self._sealed_at or now),
        )
        if self._parts is not None:
            self._observer.observe(
                events.OSSUploadCompleted(
                    **names(self._live.task),
                    object_key=self.key,
                    file_bytes=file.file_bytes,
                    parts=len(self._parts.parts),
                    parts_while_writing=self._parts_while_writing,
                    duration_seconds=stored.duration_seconds,
                )
            )
        self._observer.observe(stored)


def _failed(message: str) -> RowferryError:
    return RowferryError(ErrorCode.UPLOAD_FAILED, message)
