"""Logs in memory: the same core, for tests and experiments; nothing survives the process."""

from collections.abc import Collection

from rowferry.domain.spec import ExportSpec
from rowferry.spool.core_log import CoreLog


class _KeptLog(CoreLog):
    """A log whose bytes would be gone if the core let go of them."""

    def close(self) -> None:
        """Do nothing: what is in the log stays until it is deleted."""


class MemorySpool:
    """A ``ports.RowSpool`` that forgets with the process."""

    def __init__(self) -> None:
        self._logs: dict[str, CoreLog] = {}

    def create(self, task_id: str, spec: ExportSpec) -> CoreLog:
        """Make an empty log."""
        log = _KeptLog.create(spec, None)
        self._logs[task_id] = log
        return log

    def open(self, task_id: str, spec: ExportSpec) -> CoreLog | None:  # noqa: ARG002  the port's
        """Give the log that ``create`` made; None if there is none."""
        return self._logs.get(task_id)

    def delete(self, task_id: str) -> None:
        """Forget a log."""
        self._logs.pop(task_id, None)

    def task_ids(self) -> Collection[str]:
        """Name the tasks that have a log."""
        return list(self._logs)
