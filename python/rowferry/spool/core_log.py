"""The core's log, in the shape the use cases know."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from rowferry._core import CoreError
from rowferry._core import Schema as CoreSchema
from rowferry._core import SpoolLog as CoreSpoolLog
from rowferry._core import SpoolReader as CoreSpoolReader
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.ports import Appended, BatchMessage, RowSource
from rowferry.spool.room import SpoolRoom

FRAME_HEADER_BYTES: Final = 32  # of the core's log, beside each batch
HEADER_BYTES: Final = 16  # of the log itself


class CoreLog:
    """A ``ports.SpoolLog`` on ``rowferry._core.SpoolLog``.

    The core refuses a call while another thread is inside: calls wait for one another here. What
    is known of the log is copied out behind each of them, so that looking at it never waits.
    Syncs have a lock of their own: rows are appended while one runs.
    """

    def __init__(
        self, log: CoreSpoolLog, task_id: str, room: SpoolRoom, *, fsync: bool = False
    ) -> None:
        self._log = log
        self._task_id = task_id
        self._room = room
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._syncer = log.syncer() if fsync else None
        self._synced_bytes = 0
        self._next_sequence = log.next_sequence
        self._rows = log.rows
        self._payload_bytes = log.payload_bytes
        self._ended = log.ended
        self._grew()

    def append(self, messages: Sequence[BatchMessage]) -> Appended:
        """Check, number and append batches in one call into the core."""
        size = sum(len(buffer) - offset + FRAME_HEADER_BYTES for buffer, offset in messages)
        with self._lock, public_errors():
            try:
                with self._room.reserved(size):
                    done = self._log.append(list(messages))
                    self._grew()
            except RowferryError as refused:
                return self._nothing_appended(refused)
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
            log_full=done.log_full,
        )

    def end(self, expected_rows: int) -> None:
        """Mark the end of rows."""
        with self._lock, public_errors():
            self._log.end(expected_rows)
            self._grew()
            self._ended = True

    def sync(self) -> None:
        """Make what was appended survive a loss of power, if the spool promises it."""
        syncer = self._syncer
        if syncer is None:
            return
        with self._sync_lock:
            try:
                with public_errors():
                    syncer.sync()
            except RowferryError:
                self._distrust(syncer.synced_bytes)
                raise
            self._synced_bytes = syncer.synced_bytes

    def _distrust(self, synced_bytes: int) -> None:
        # a file that can't be cut either is reported by the sync's own failure
        with self._lock, suppress(CoreError):
            self._log.distrust(synced_bytes)

    def _grew(self) -> None:
        self._file_bytes = self._log.file_bytes
        self._room.record(self._task_id, self._file_bytes)

    def _nothing_appended(self, refused: RowferryError) -> Appended:
        return Appended(
            last_sequence=self._next_sequence - 1,
            rows=self._rows,
            payload_bytes=self._payload_bytes,
            batches_appended=0,
            duplicates=0,
            refused=refused,
            log_full=False,
        )

    def reader(self) -> RowSource:
        """Open a source at the first row."""
        with self._lock, public_errors():
            return CoreSource(self._log.reader())

    def close(self) -> None:
        """Let go of the file; a call under way lets go of it at its end."""
        self._log.close()
        self._syncer = None  # which holds the file, too

    @property
    def busy(self) -> bool:
        """Tell whether a call is under way: behind ``close``, one that hangs with its disk."""
        return self._lock.locked()

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

    @property
    def unsynced(self) -> bool:
        """Tell whether ``sync`` has something to do."""
        return self._syncer is not None and self._synced_bytes < self._file_bytes


class CoreSource:
    """A ``ports.RowSource`` on ``rowferry._core.SpoolReader``."""

    def __init__(self, reader: CoreSpoolReader) -> None:
        self._reader = reader
        self._rows = 0
        self._ended = False

    def read(self, max_bytes: int) -> bytes:
        """Give whole frames; b"" = none now."""
        with public_errors():
            frames = self._reader.read(max_bytes)
            self._rows, self._ended = self._reader.rows_total, self._reader.ended
        return frames

    def close(self) -> None:
        """Let go of the file; a call under way lets go of it at its end."""
        self._reader.close()

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self._rows

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows has been read."""
        return self._ended


def create_core_log(spec: ExportSpec, path: str | None, max_bytes: int) -> CoreSpoolLog:
    """Make an empty log at ``path``, or in memory."""
    with public_errors():
        return CoreSpoolLog.create(CoreSchema(spec.core_document()), path, max_bytes)


def open_core_log(spec: ExportSpec, path: str, max_bytes: int) -> CoreSpoolLog:
    """Open the log at ``path``, a torn tail cut off."""
    with public_errors():
        return CoreSpoolLog.open(CoreSchema(spec.core_document()), path, max_bytes)


@contextmanager
def public_errors() -> Iterator[None]:
    """Turn refusals of the core into the service's own."""
    try:
        yield
    except CoreError as error:
        raise _public_error(error) from error


def _public_error(error: CoreError) -> RowferryError:
    return RowferryError(ErrorCode(error.code), error.message, error.context)
