"""The bytes of an input, and how many of them were read."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from rowferry.cli.outcome import usage_error

STANDARD_INPUT: Final = "-"
_READ_BYTES: Final = 256 * 2**10


class InputFile:
    """A file, or standard input. Reading blocks: call it in a thread."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.file: Final = file
        self.name: Final = name
        self.bytes_read = 0
        found = os.fstat(file.fileno())
        is_file = stat.S_ISREG(found.st_mode) and name != STANDARD_INPUT
        self.path: Final = Path(name) if is_file else None
        """Where it can be read once more, None for standard input, pipes, devices."""
        self.size_bytes: Final = found.st_size if is_file else None
        """Its size when it was opened, None where nobody knows."""

    def read(self) -> bytes:
        """Give the next bytes, b"" at the end; raise OSError for a file that was cut short."""
        # Not the file object's own read: a reader left behind holds its lock, and the
        # interpreter aborts at exit when it can't take that.
        piece = os.read(self.file.fileno(), _READ_BYTES)
        self.bytes_read += len(piece)
        if not piece and self.bytes_read < (self.size_bytes or 0):
            sizes = f"{self.bytes_read} of {self.size_bytes} bytes"
            raise OSError(errno.EIO, f"The file was cut short while it was read: {sizes}")
        return piece


@contextmanager
def open_input(name: str) -> Iterator[InputFile]:
    """Open an input for the block; raise CommandError if it can't be."""
    if name == STANDARD_INPUT:
        yield InputFile(sys.stdin.buffer, name)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  closed below, whatever the block raises
    except OSError as exc:
        raise usage_error(f"{name}: {exc.strerror or exc}") from exc
    with file:
        yield InputFile(file, name)
