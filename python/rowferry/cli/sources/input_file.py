"""The bytes of an input, and how many of them were read."""

import os
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

    @property
    def path(self) -> Path | None:
        """Where it can be read once more, None for standard input."""
        return None if self.name == STANDARD_INPUT else Path(self.name)

    @property
    def size_bytes(self) -> int | None:
        """Its size, None where nobody knows."""
        return self.path.stat().st_size if self.path and self.path.is_file() else None

    def read(self) -> bytes:
        """Give the next bytes, b"" at the end."""
        # Not the file object's own read: a reader left behind holds its lock, and the
        # interpreter aborts at exit when it can't take that.
        piece = os.read(self.file.fileno(), _READ_BYTES)
        self.bytes_read += len(piece)
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
