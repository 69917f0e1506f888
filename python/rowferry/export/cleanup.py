"""Temporary files and logs go when their task is over, and strays go at the start."""

import contextlib
import errno
import shutil
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask
from rowferry.free_space import disk_free_bytes
from rowferry.ports import RowSpool

KEPT_FOLDER: Final = "stored"
SCARCE: Final = 2  # times the room that has to stay free


class Cleanup:
    """Removes what exports leave behind. ``directory`` has a folder of temporary files a task.

    Files that are in storage are kept beside them for ``kept_seconds``, as long as there is room.
    """

    def __init__(
        self,
        *,
        directory: Path,
        spool: RowSpool,
        spool_threads: DiskThreads,
        kept_seconds: float,
        min_free_bytes: int,
        now: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._kept = directory / KEPT_FOLDER
        self._spool = spool
        self._spool_threads = spool_threads
        self._kept_seconds = kept_seconds
        self._min_free_bytes = min_free_bytes
        self._now = now

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

    async def take_sealed(self, task_id: str, file_bytes: int, path: Path) -> bool:
        """Move an earlier attempt's finished file to ``path``; False if none can be had."""

        def take() -> bool:
            for former in (self._directory / task_id).glob("*.part"):
                if former.stat().st_size == file_bytes:
                    former.rename(path)
                    return True
            return False

        try:
            return await self._spool_threads.run_sync(take)
        except OSError:
            return False

    async def keep_file(self, task_id: str, path: Path) -> None:
        """Keep a copy of what is in storage for a while, unless it was moved there."""

        def keep() -> None:
            if self._kept_seconds > 0 and path.exists():
                self._kept.mkdir(exist_ok=True, mode=0o700)
                path.rename(self._kept / task_id)

        with contextlib.suppress(OSError):  # a convenience: what it is a copy of is safe
            await self._spool_threads.run_sync(keep)

    async def remove_kept(self, task_id: str) -> None:
        """Remove the copy of a task's file."""
        kept = self._kept / task_id
        await self._spool_threads.run_sync(partial(kept.unlink, missing_ok=True))

    async def remove_outdated(self) -> None:
        """Remove copies of files whose time is over, and all of them when room gets scarce."""

        def remove() -> None:
            is_scarce = disk_free_bytes(self._kept) < SCARCE * self._min_free_bytes
            for path in self._kept.glob("*"):
                with contextlib.suppress(FileNotFoundError):  # its task was deleted just now
                    if is_scarce or path.stat().st_mtime <= self._now() - self._kept_seconds:
                        path.unlink()

        await self._spool_threads.run_sync(remove)

    async def temporary_ids(self) -> Collection[str]:
        """Name the tasks that have temporary files."""

        def ids() -> list[str]:
            return [path.name for path in self._directory.glob("*") if is_task_id(path.name)]

        return await self._spool_threads.run_sync(ids)

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

    async def sweep_temporary(self, needed: AbstractSet[str]) -> None:
        """Remove the temporary files of all tasks but these: left-overs of a crash."""

        def remove() -> None:
            for folder in self._directory.glob("*"):
                if is_task_id(folder.name) and folder.name not in needed:
                    self._remove_folder(folder.name)

        await self._spool_threads.run_sync(remove)

    def _remove_folder(self, task_id: str) -> None:
        shutil.rmtree(self._directory / task_id, ignore_errors=True)
