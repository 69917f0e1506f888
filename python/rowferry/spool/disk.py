"""Logs as files, one a task: what is in them survives the process."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.domain.spec import ExportSpec
from rowferry.spool.core_log import CoreLog

_SUFFIX: Final = ".rows"


class DiskSpool:
    """A ``ports.RowSpool`` over a folder of ``<task id>.rows``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with _file_errors("The spool's folder can't be made."):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def create(self, task_id: str, spec: ExportSpec) -> CoreLog:
        """Make an empty log."""
        return CoreLog.create(spec, str(self._path(task_id)))

    def open(self, task_id: str, spec: ExportSpec) -> CoreLog | None:
        """Open a log of an earlier run; None if there is none."""
        path = self._path(task_id)
        return CoreLog.open(spec, str(path)) if path.exists() else None

    def delete(self, task_id: str) -> None:
        """Remove a log."""
        with _file_errors("The rows of an ended task can't be removed."):
            self._path(task_id).unlink(missing_ok=True)

    def task_ids(self) -> Collection[str]:
        """Name the tasks that have a log."""
        return [path.stem for path in self._directory.glob(f"*{_SUFFIX}") if is_task_id(path.stem)]

    def _path(self, task_id: str) -> Path:
        return self._directory / f"{task_id}{_SUFFIX}"


@contextmanager
def _file_errors(message: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RowferryError(ErrorCode.WRITE_FAILED, message) from error
