"""The core's log, in the shape the use cases know."""

from collections.abc import Sequence

from rowferry._core import CoreError
from rowferry._core import Schema as CoreSchema
from rowferry._core import SpoolLog as CoreSpoolLog
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.ports import Appended, BatchMessage, RowSource


class CoreLog:
    """A ``ports.SpoolLog`` on ``rowferry._core.SpoolLog``."""

    def __init__(self, log: CoreSpoolLog) -> None:
        self._log = log

    def append(self, messages: Sequence[BatchMessage]) -> Appended:
        """Check, number and append batches in one call into the core."""
        done = self._log.append(list(messages))
        return Appended(
            last_sequence=done.last_sequence,
            rows=done.rows,
            payload_bytes=done.payload_bytes,
            batches_appended=done.batches_appended,
            duplicates=done.duplicates,
            refused=None if done.refused is None else public_error(done.refused),
        )

    def end(self, expected_rows: int) -> None:
        """Mark the end of rows."""
        try:
            self._log.end(expected_rows)
        except CoreError as error:
            raise public_error(error) from error

    def reader(self) -> RowSource:
        """Open a source at the first row."""
        try:
            return self._log.reader()
        except CoreError as error:
            raise public_error(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._log.close()

    @property
    def next_sequence(self) -> int:
        """The first batch that the log lacks."""
        return self._log.next_sequence

    @property
    def rows(self) -> int:
        """Rows in the log."""
        return self._log.rows

    @property
    def payload_bytes(self) -> int:
        """Bytes of batches in the log."""
        return self._log.payload_bytes

    @property
    def file_bytes(self) -> int:
        """Bytes of the log, frame headers included."""
        return self._log.file_bytes

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows is marked."""
        return self._log.ended


def create_log(spec: ExportSpec, path: str | None) -> CoreLog:
    """Make an empty log at ``path``, or in memory."""
    try:
        return CoreLog(CoreSpoolLog.create(CoreSchema(spec.core_document()), path))
    except CoreError as error:
        raise public_error(error) from error


def open_log(spec: ExportSpec, path: str) -> CoreLog:
    """Open the log at ``path``, a torn tail cut off."""
    try:
        return CoreLog(CoreSpoolLog.open(CoreSchema(spec.core_document()), path))
    except CoreError as error:
        raise public_error(error) from error


def public_error(error: CoreError) -> RowferryError:
    """Give the core's refusal as the service's own error."""
    return RowferryError(ErrorCode(error.code), error.message, error.context)
