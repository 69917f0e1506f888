"""How much room disks have: looked at now and then, not with every write."""

import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError

LOOK_BYTES: Final = 64 << 20  # written since the last look, past which another one is due
LOOK_SECONDS: Final = 1.0


def disk_free_bytes(directory: str | os.PathLike[str]) -> float:
    """Give the bytes an unprivileged process can still write there; NaN when it can't be told."""
    try:
        usage = os.statvfs(directory)
    except OSError:
        return math.nan
    return usage.f_bavail * usage.f_frsize


class FreeSpace:
    """Keeps ``min_free_bytes`` of a directory's disk free: blocking and thread-safe.

    statvfs(3) is called every ``LOOK_BYTES`` or ``LOOK_SECONDS``, so that others' use of the disk
    is seen too. Where it can't be told, nothing is refused: the write itself will tell.
    """

    def __init__(
        self,
        directory: Path,
        min_free_bytes: int,
        *,
        free_bytes: Callable[[Path], float] = disk_free_bytes,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._min_free_bytes = min_free_bytes
        self._free_bytes = free_bytes
        self._now = now
        self._lock = threading.Lock()
        self._allowed_bytes = 0.0
        self._looked_at = -math.inf

    def check(self, size_bytes: int) -> None:
        """Raise DISK_FULL unless so much may be written now."""
        if not self._min_free_bytes:
            return
        with self._lock:
            now = self._now()
            if size_bytes > self._allowed_bytes or now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                room = self._free_bytes(self._directory) - self._min_free_bytes
                self._allowed_bytes = math.inf if math.isnan(room) else room
            if size_bytes > self._allowed_bytes:
                raise disk_full({"min_free_bytes": self._min_free_bytes})
            self._allowed_bytes = min(self._allowed_bytes, LOOK_BYTES) - size_bytes


def disk_full(context: dict[str, object]) -> RowferryError:
    """Build the refusal of what the disk has no room for."""
    message = "The service's disk has no room for it now; what was acknowledged is kept."
    return RowferryError(ErrorCode.DISK_FULL, message, context)
