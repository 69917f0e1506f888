"""Temporary files and logs go when their task is over, and strays go at the start."""

import errno
import shutil
from collections.abc import Collection
from pathlib import Path

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask
from rowferry.ports import RowSpool


class Cleanup:
    """Removes what exports leave behind. ``directory`` has a folder of temporary files a task."""

    def __init__(self, *, directory: Path, spool: RowSpool, spool_threads: DiskThreads) -> None:
        self._directory = directory
        self._spool = spool
        self._spool_threads = spool_threads

    def attempt_path(self, task_id: str, attempt: int) -> Path:
        """Give the place of an attempt's temporary file; blocking: its folder is made.

        Raises DISK_FULL or WRITE_FAILED.
        """
        folder = self._directory / task_id
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            code = ErrorCode.DISK_FULL if full else ErrorCode.WRITE_FAILED
            raise RowferryError(code, "The file's temporary folder can't be made.") from error
        return folder / f"{attempt}.part"

    async def remove_temporary(self, task_id: str) -> None:
        """Remove a task's temporary files."""
        await self._spool_threads.run_sync(self._remove_folder, task_id)

    async def close(self, live: LiveTask, *, keep_log: bool) -> None:
        """Let go of an ended task's log, and remove its temporary files, and its log or not."""

        def remove() -> None:
            self._remove_folder(live.task.id)
            if live.is_pushed:
                live.log.close()
                if not keep_log:
                    self._spool.delete(live.task.id)

        async with live.log_lock:
            await self._spool_threads.run_sync(remove)

    async def remove_log(self, task_id: str) -> None:
        """Remove a log that nobody has open."""
        await self._spool_threads.run_sync(self._spool.delete, task_id)

    async def log_ids(self) -> Collection[str]:
        """Name the tasks that have a log."""
        return await self._spool_threads.run_sync(self._spool.task_ids)

    async def holds_rows(self, task_id: str) -> bool:
        """Tell whether anything was appended to a task's log."""
        return await self._spool_threads.run_sync(self._spool.holds_rows, task_id)

    async def sweep_temporary(self) -> None:
        """Remove all temporary files: before a start they are left-overs of a crash."""

        def remove() -> None:
            for folder in self._directory.glob("*"):
                if is_task_id(folder.name):
                    self._remove_folder(folder.name)

        await self._spool_threads.run_sync(remove)

    def _remove_folder(self, task_id: str) -> None:
        shutil.rmtree(self._directory / task_id, ignore_errors=True)
