"""What an attempt left in storage: its object after all, or something to be removed.

A task records where its file goes before anything is there. A run that is stopped, at whatever
point, leaves at most an upload and an object under the recorded key.
"""

from functools import partial
from typing import Any, Final

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.storage_fault import StorageFault
from rowferry.domain.task import Task, TaskState
from rowferry.export.live_task import LiveTask
from rowferry.export.sealed_file import is_whole
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.task_journal import TaskJournal
from rowferry.ports import Observer, Storages, Upload

NOTHING_STORED: Final = {"storage": "", "object_key": "", "upload_id": ""}
_NO_FILE: Final[dict[str, Any]] = {"file_bytes": 0, "sha256": "", "object_crc64": ""}


class Leftovers:
    """Looks at what there is under a task's recorded key, and removes it."""

    def __init__(
        self, *, storages: Storages, calls: StorageCalls, journal: TaskJournal, observer: Observer
    ) -> None:
        self._storages = storages
        self._calls = calls
        self._journal = journal
        self._observer = observer

    async def holds_file(self, task: Task) -> bool:
        """Tell whether an earlier run brought the whole file into storage, and was stopped then.

        A storage that does not answer is no hindrance: the file is made once more.
        """
        if not (task.object_key and task.object_crc64):
            return False
        try:
            head = partial(self._storages.named(task.storage).head, task.object_key)
            found = await self._calls.run("head", head)
        except StorageFault:
            return False
        return found is not None and is_whole(found, task.file_bytes, int(task.object_crc64, 16))

    async def drop_former(self, live: LiveTask, key: str) -> None:
        """Remove what an earlier attempt left; this attempt's own key is gone on with."""
        if live.task.object_key and live.task.object_key != key:
            await self._try_to_remove(live.task)
            await self._journal.note(live, **NOTHING_STORED)

    async def clear(self, task: Task) -> bool:
        """Remove what a task without a file left, and take note; False if it can't be now."""
        if not has_leftovers(task):
            return True
        try:
            if task.object_crc64:
                # first, or a retry takes the object for its file while it goes
                task = await self._journal.move_stored(task, task.state, **_NO_FILE)
            if not await self._try_to_remove(task):
                return False
            await self._journal.move_stored(task, task.state, **NOTHING_STORED)
        except RowferryError as error:
            if error.code is not ErrorCode.INVALID_STATE:  # else somebody else took note first
                raise
        return True

    async def clear_live(self, live: LiveTask) -> None:
        """As ``clear``, for a task whose run has just ended here."""
        await self._clear_taken_over(live)
        if not has_leftovers(live.task):
            return
        if live.task.object_crc64:
            await self._journal.note(live, **_NO_FILE)
        if await self._try_to_remove(live.task):
            await self._journal.note(live, **NOTHING_STORED)

    async def _clear_taken_over(self, live: LiveTask) -> None:
        """Remove what a run stored whose task somebody else went on with, and under another key.

        It may have come there when the next attempt had looked already.
        """
        mine, live.taken_over = live.taken_over, None
        if mine is None or not mine.object_key:
            return
        await self._journal.reload(live)
        task = live.task
        if (task.storage, task.object_key) != (mine.storage, mine.object_key):
            await self._try_to_remove(mine)

    async def remove(self, task: Task) -> None:
        """Drop the upload and delete the object; raise StorageFault."""
        storage = self._storages.named(task.storage)
        if storage.multipart is not None and task.upload_id and not task.has_file:
            upload = Upload(key=task.object_key, upload_id=task.upload_id)
            await self._calls.run("abort", partial(storage.multipart.abort, upload))
        await self._calls.run("delete", partial(storage.delete, task.object_key))

    async def _try_to_remove(self, task: Task) -> bool:
        try:
            await self.remove(task)
        except RowferryError as error:
            self._observer.observe(
                events.LeftoversKept(
                    task_id=task.id,
                    object_key=task.object_key,
                    storage_code=getattr(error, "reason", ""),
                    message=error.message,
                )
            )
            return False
        return True


def has_leftovers(task: Task) -> bool:
    """Tell whether a task has ended without a file, and may have left something in storage."""
    without_file = task.is_final and task.state in {TaskState.FAILED, TaskState.CANCELLED}
    return without_file and bool(task.object_key)
