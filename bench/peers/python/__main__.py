"""Measured program: what one of Python's writers takes for a batch file.

``python -m bench.peers.python WRITER BATCHES ROWS OUTPUT``, the writer being a module of this
package. Reading the file is not counted. Decoding its messages and writing the rows are, apart
from one another.
"""

import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from bench.frames import read_batches, read_columns
from bench.peers.python.library import Library
from bench.stopwatch import Stopwatch, report


class _Feed:
    """Decoded batches, as the writer asks for them."""

    def __init__(self, library: Library, batches: Path, row_count: int) -> None:
        self._library = library
        self._messages = read_batches(batches, rows=row_count)
        self._columns = read_columns(batches)
        self.read, self.decode = Stopwatch(), Stopwatch()
        self.exhausted_at = 0.0
        self.rows = 0

    def __iter__(self) -> Iterator[object]:
        while message := self._next_message():
            with self.decode.running():
                decoded, rows = self._library.decode(message, self._columns)
            self.rows += rows
            yield decoded
        self.exhausted_at = time.perf_counter()

    def _next_message(self) -> bytes:
        """Join messages, which makes one message of all their rows."""
        with self.read.running():
            counted = zip(range(self._library.messages_at_once), self._messages, strict=False)
            return b"".join(message for _, message in counted)


def main(writer: str, batches: Path, row_count: int, output: Path) -> None:
    """Write a batch file's rows; print what it cost."""
    library: Library = import_module(f"bench.peers.python.{writer}_file").LIBRARY
    feed = _Feed(library, batches, row_count)
    whole = Stopwatch()
    with whole.running():
        library.write(output, read_columns(batches), feed)
    report(
        rows=feed.rows,
        file_bytes=output.stat().st_size,
        seconds=whole.seconds - feed.read.seconds,
        cpu_seconds=whole.cpu_seconds - feed.read.cpu_seconds,
        decode_seconds=feed.decode.seconds,
        decode_cpu_seconds=feed.decode.cpu_seconds,
        after_last_row_seconds=time.perf_counter() - feed.exhausted_at,
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
