"""What the logs may take of the disk: each, all together, and of what is free."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rowferry.free_space import FreeSpace, disk_full

UNLIMITED: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolLimits:
    """Bounds of the spool; ``fsync``: what is acknowledged survives a loss of power too."""

    max_bytes_per_task: int = UNLIMITED
    max_bytes: int = UNLIMITED
    fsync: bool = False


class SpoolRoom:
    """Counts the bytes of all logs there are, exactly: thread-safe."""

    def __init__(self, max_bytes: int, free_space: FreeSpace | None) -> None:
        self._max_bytes = max_bytes
        self._free_space = free_space
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._used_bytes = 0
        self._reserved_bytes = 0

    @property
    def used_bytes(self) -> int:
        """Bytes of all logs."""
        return self._used_bytes

    @contextmanager
    def reserved(self, size_bytes: int) -> Iterator[None]:
        """Hold room for a write of at most so many bytes while the block runs.

        Raises DISK_FULL if there is none.
        """
        if self._free_space is not None:
            self._free_space.check(size_bytes)
        with self._lock:
            if self._used_bytes + self._reserved_bytes + size_bytes > self._max_bytes:
                raise disk_full({"max_bytes": self._max_bytes})
            self._reserved_bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._reserved_bytes -= size_bytes

    def record(self, task_id: str, file_bytes: int) -> None:
        """Take note of how large a log is now; 0 = it is gone."""
        with self._lock:
            self._used_bytes += file_bytes - self._sizes.pop(task_id, 0)
            if file_bytes:
                self._sizes[task_id] = file_bytes
