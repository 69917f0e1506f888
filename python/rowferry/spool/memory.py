"""Logs in memory: the same core, for tests and experiments; nothing survives the process."""

from collections.abc import Collection
from typing import Final

from rowferry.domain.spec import ExportSpec
from rowferry.spool.core_log import HEADER_BYTES, CoreLog, create_core_log
from rowferry.spool.room import SpoolLimits, SpoolRoom

_NO_LIMITS: Final = SpoolLimits()


class _KeptLog(CoreLog):
    """A log whose bytes would be gone if the core let go of them."""

    def close(self) -> None:
        """Do nothing: what is in the log stays until it is deleted."""


class MemorySpool:
    """A ``ports.RowSpool`` that forgets with the process."""

    def __init__(self, limits: SpoolLimits = _NO_LIMITS) -> None:
        self._limits = limits
        self._room = SpoolRoom(limits.max_bytes, None)
        self._logs: dict[str, CoreLog] = {}

    @property
    def used_bytes(self) -> int:
        """Bytes of all logs."""
        return self._room.used_bytes

    def create(self, task_id: str, spec: ExportSpec) -> CoreLog:
        """Make an empty log."""
        with self._room.reserved(HEADER_BYTES):
            core_log = create_core_log(spec, None, self._limits.max_bytes_per_task)
            log = _KeptLog(core_log, task_id, self._room, fsync=self._limits.fsync)
        self._logs[task_id] = log
        return log

    def open(self, task_id: str, spec: ExportSpec) -> CoreLog | None:  # noqa: ARG002  the port's
        """Give the log that ``create`` made; None if there is none."""
        return self._logs.get(task_id)

    def delete(self, task_id: str) -> None:
        """Forget a log."""
        self._logs.pop(task_id, None)
        self._room.record(task_id, 0)

    def task_ids(self) -> Collection[str]:
        """Name the tasks that have a log."""
        return list(self._logs)

    def holds_rows(self, task_id: str) -> bool:
        """Tell whether anything was appended to a log."""
        log = self._logs.get(task_id)
        return log is not None and log.file_bytes > HEADER_BYTES
