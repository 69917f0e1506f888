"""Logs as files, one a task: what is in them survives the process."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from rowferry._core import SpoolLog as CoreSpoolLog
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.domain.spec import ExportSpec
from rowferry.free_space import FreeSpace
from rowferry.spool.core_log import HEADER_BYTES, CoreLog, create_core_log, open_core_log
from rowferry.spool.room import SpoolLimits, SpoolRoom

_SUFFIX: Final = ".rows"
_NO_LIMITS: Final = SpoolLimits()


class DiskSpool:
    """A ``ports.RowSpool`` over a folder of ``<task id>.rows``."""

    def __init__(
        self,
        directory: Path,
        limits: SpoolLimits = _NO_LIMITS,
        free_space: FreeSpace | None = None,
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._logs: WeakValueDictionary[str, CoreLog] = WeakValueDictionary()
        self._room = SpoolRoom(limits.max_bytes, free_space)
        with _file_errors("The spool's folder can't be used."):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            for task_id in self.task_ids():
                self._room.record(task_id, self._path(task_id).stat().st_size)

    @property
    def used_bytes(self) -> int:
        """Bytes of all logs."""
        return self._room.used_bytes

    def create(self, task_id: str, spec: ExportSpec) -> CoreLog:
        """Make an empty log."""
        with self._room.reserved(HEADER_BYTES):
            path = str(self._path(task_id))
            log = create_core_log(spec, path, self._limits.max_bytes_per_task)
            return self._ready(task_id, log)

    def open(self, task_id: str, spec: ExportSpec) -> CoreLog | None:
        """Open a log of an earlier run, or one that was closed; None if there is none.

        Raises WRITE_FAILED while a write from before hangs: it would land between new batches.
        """
        path = self._path(task_id)
        if not path.exists():
            return None
        before = self._logs.get(task_id)
        if before is not None and before.busy:
            message = "An earlier write of the task's rows has not come back from the disk."
            raise RowferryError(ErrorCode.WRITE_FAILED, message)
        log = open_core_log(spec, str(path), self._limits.max_bytes_per_task)
        return self._ready(task_id, log)

    def delete(self, task_id: str) -> None:
        """Remove a log."""
        with _file_errors("The rows of an ended task can't be removed."):
            self._path(task_id).unlink(missing_ok=True)
        self._room.record(task_id, 0)

    def task_ids(self) -> Collection[str]:
        """Name the tasks that have a log."""
        return [path.stem for path in self._directory.glob(f"*{_SUFFIX}") if is_task_id(path.stem)]

    def holds_rows(self, task_id: str) -> bool:
        """Tell whether anything was appended to a log."""
        with _file_errors("The rows of a task can't be looked at."):
            try:
                return self._path(task_id).stat().st_size > HEADER_BYTES
            except FileNotFoundError:
                return False

    def _ready(self, task_id: str, core_log: CoreSpoolLog) -> CoreLog:
        """Sync what a log begins with: its name, and the rows that an earlier run left."""
        log = CoreLog(core_log, task_id, self._room, fsync=self._limits.fsync)
        log.sync()
        self._logs[task_id] = log
        return log

    def _path(self, task_id: str) -> Path:
        return self._directory / f"{task_id}{_SUFFIX}"


@contextmanager
def _file_errors(message: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RowferryError(ErrorCode.WRITE_FAILED, message) from error
