"""A span of a file as a body to send: read block by block, summed up on the way."""

import os
import threading
from typing import Final

from rowferry._core import Crc64

BLOCK_BYTES: Final = 256 << 10  # small enough that whoever sends notices soon that it is to stop


class FileSpan:
    """A ``ports.PartSource``: ``size_bytes`` of the file at ``path`` from ``start`` on.

    Memory is one block, whatever the span. Used by one thread at a time, ``stop`` by any. The
    file, which may be moved, removed or grow meanwhile, stays open until ``close``.
    """

    def __init__(self, path: str | os.PathLike[str], start: int, size_bytes: int) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._start = start
        self._size_bytes = size_bytes
        self._stopped = threading.Event()
        self.rewind()

    def __len__(self) -> int:
        return self._size_bytes

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, at most ``size`` and ``BLOCK_BYTES``; b"" is the end of the span.

        Raises OSError when it was stopped, and when the file is shorter than the span.
        """
        if self._stopped.is_set():
            raise InterruptedError("The upload was stopped.")
        left = self._size_bytes - self._position
        wanted = min(left, BLOCK_BYTES if size < 0 else min(size, BLOCK_BYTES))
        block = os.pread(self._file, wanted, self._start + self._position)
        if wanted and not block:
            raise OSError("The file is shorter than the span to send.")
        self._crc64.update(block)
        self._position += len(block)
        return block

    def rewind(self) -> None:
        """Start again."""
        self._position = 0
        self._crc64 = Crc64()

    @property
    def crc64(self) -> int:
        """CRC-64/XZ of what has been read since the start."""
        return self._crc64.value

    def stop(self) -> None:
        """Make whoever reads it fail at the next block, for good."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
