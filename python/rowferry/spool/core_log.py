"""The core's log, in the shape the use cases know."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rowferry._core import CoreError
from rowferry._core import Schema as CoreSchema
from rowferry._core import SpoolLog as CoreSpoolLog
from rowferry._core import SpoolReader as CoreSpoolReader
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.ports import Appended, BatchMessage, RowSource


class CoreLog:
    """A ``ports.SpoolLog`` on ``rowferry._core.SpoolLog``.

    The core refuses a call while another thread is inside: calls wait for one another here. What
    is known of the log is copied out behind each of them, so that looking at it never waits.
    """

    def __init__(self, log: CoreSpoolLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._next_sequence = log.next_sequence
        self._rows = log.rows
        self._payload_bytes = log.payload_bytes
        self._file_bytes = log.file_bytes
        self._ended = log.ended

    @classmethod
    def create(cls, spec: ExportSpec, path: str | None) -> Self:
        """Make an empty log at ``path``, or in memory."""
        with _public_errors():
            return cls(CoreSpoolLog.create(CoreSchema(spec.core_document()), path))

    @classmethod
    def open(cls, spec: ExportSpec, path: str) -> Self:
        """Open the log at ``path``, a torn tail cut off."""
        with _public_errors():
            return cls(CoreSpoolLog.open(CoreSchema(spec.core_document()), path))

    def append(self, messages: Sequence[BatchMessage]) -> Appended:
        """Check, number and append batches in one call into the core."""
        with self._lock, _public_errors():
            done = self._log.append(list(messages))
            self._file_bytes = self._log.file_bytes
            self._next_sequence = done.last_sequence + 1
            self._rows = done.rows
            self._payload_bytes = done.payload_bytes
        return Appended(
            last_sequence=done.last_sequence,
            rows=done.rows,
            payload_bytes=done.payload_bytes,
            batches_appended=done.batches_appended,
            duplicates=done.duplicates,
            refused=None if done.refused is None else _public_error(done.refused),
        )

    def end(self, expected_rows: int) -> None:
        """Mark the end of rows."""
        with self._lock, _public_errors():
            self._log.end(expected_rows)
            self._file_bytes = self._log.file_bytes
            self._ended = True

    def reader(self) -> RowSource:
        """Open a source at the first row."""
        with self._lock, _public_errors():
            return CoreSource(self._log.reader())

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._log.close()

    @property
    def next_sequence(self) -> int:
        """The first batch that the log lacks."""
        return self._next_sequence

    @property
    def rows(self) -> int:
        """Rows in the log."""
        return self._rows

    @property
    def payload_bytes(self) -> int:
        """Bytes of batches in the log."""
        return self._payload_bytes

    @property
    def file_bytes(self) -> int:
        """Size of the log."""
        return self._file_bytes

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows is marked."""
        return self._ended


class CoreSource:
    """A ``ports.RowSource`` on ``rowferry._core.SpoolReader``."""

    def __init__(self, reader: CoreSpoolReader) -> None:
        self._reader = reader

    def read(self, max_bytes: int) -> bytes:
        """Give whole frames; b"" = none now."""
        with _public_errors():
            return self._reader.read(max_bytes)

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self._reader.rows_total

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows has been read."""
        return self._reader.ended


@contextmanager
def _public_errors() -> Iterator[None]:
    try:
        yield
    except CoreError as error:
        raise _public_error(error) from error


def _public_error(error: CoreError) -> RowferryError:
    return RowferryError(ErrorCode(error.code), error.message, error.context)
