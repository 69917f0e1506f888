"""Where acknowledged rows are kept, and read from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from rowferry.domain.errors import RowferryError
from rowferry.domain.spec import ExportSpec

BatchMessage = tuple[bytes, int]
"""A buffer and the offset in it where an encoded RecordBatch begins; it ends with the buffer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The outcome of appending batches: the log's totals, and the first refusal if there was one.

    Batches before the refused one are kept; of the refused one and those behind it nothing is.
    ``log_full``: it was refused because the log may not grow further, ever.
    """

    last_sequence: int
    rows: int
    payload_bytes: int
    batches_appended: int
    duplicates: int
    refused: RowferryError | None
    log_full: bool


class RowSource(Protocol):
    """Where the pipeline reads rows: blocking, restartable by opening another one."""

    def read(self, max_bytes: int) -> bytes:
        """Give whole frames of at most ``max_bytes`` (one frame may be larger); b"" = none now."""

    def close(self) -> None:
        """Let go of the file: a log that is deleted takes its disk space until then.

        Never blocks: a call under way lets go of it at its end.
        """

    @property
    def rows(self) -> int:
        """Rows in the frames read so far."""

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows has been read."""


class SpoolLog(Protocol):
    """One task's append-only log of batches; what ``append`` took survives a crash of the process.

    The methods block and are safe in several threads. The properties say what is so behind the
    last ``append`` or ``end``: they never block.
    """

    def append(self, messages: Sequence[BatchMessage]) -> Appended:
        """Check, number and append batches in order, all in one call."""

    def end(self, expected_rows: int) -> None:
        """Mark the end of rows; raise ROW_COUNT_MISMATCH if ``expected_rows`` > 0 differs."""

    def sync(self) -> None:
        """Make what was appended before survive a loss of power, if the spool promises it.

        Rows may be appended meanwhile. Raises WRITE_FAILED or DISK_FULL: the log is of no further
        use then, beyond what was synced before.
        """

    def reader(self) -> RowSource:
        """Open a source at the first row; it may be read while rows are appended."""

    def close(self) -> None:
        """Let go of the files; what is in the log stays."""

    @property
    def next_sequence(self) -> int:
        """The first batch that the log lacks."""

    @property
    def rows(self) -> int:
        """Rows in the log."""

    @property
    def payload_bytes(self) -> int:
        """Bytes of batches in the log."""

    @property
    def file_bytes(self) -> int:
        """Size of the log: what its sources give, and the headers and marks around it."""

    @property
    def ended(self) -> bool:
        """Tell whether the end of rows is marked."""

    @property
    def unsynced(self) -> bool:
        """Tell whether ``sync`` has something to do: never so where it is not promised."""


class RowSpool(Protocol):
    """Keeps the logs: blocking."""

    def create(self, task_id: str, spec: ExportSpec) -> SpoolLog:
        """Make an empty log, synced if the spool promises it; raise DISK_FULL or WRITE_FAILED."""

    def open(self, task_id: str, spec: ExportSpec) -> SpoolLog | None:
        """Open a log of an earlier run, a torn tail cut off; None if there is none."""

    def delete(self, task_id: str) -> None:
        """Remove a log; no error if there is none."""

    def task_ids(self) -> Collection[str]:
        """Name the tasks that have a log."""

    def holds_rows(self, task_id: str) -> bool:
        """Tell whether anything was appended to a log; False if there is none."""


class BodyKind(StrEnum):
    """How the rows of a body are written."""

    CSV = "csv"
    CSV_WITH_HEADER = "csv-header"
    NDJSON = "ndjson"
    FRAMES = "frames"


class RowBody(Protocol):
    """A body of rows on its way to batches: not blocking, for pieces of some 100 KB.

    Where batches end depends on the bytes alone, not on the pieces in which they came: the same
    body again gives the same batches. Rows are cut here and judged by the log.
    """

    push_bytes: int
    """The most to push at once: a row may grow, by the columns that a header leaves out."""

    def push(self, data: bytes) -> list[bytes]:
        """Take more of the body; give the batches that are whole, as encoded RecordBatch.

        Raises INVALID_ROW or TOO_LARGE with ``row``, counted from 1 within the body, and
        INVALID_METADATA for a header that does not fit the columns.
        """

    def finish(self) -> list[bytes]:
        """Give the rest, at the end of the body; raise as ``push`` if it ends inside a row."""

    @property
    def held_bytes(self) -> int:
        """Bytes taken and not given yet."""


class RowBodies(Protocol):
    """Opens bodies."""

    def open(
        self, spec: ExportSpec, kind: BodyKind, *, first_sequence: int, batch_bytes: int
    ) -> RowBody:
        """Begin a body whose first batch has this number; 0 = the log numbers them all.

        ``batch_bytes`` bounds the text of a batch of several rows.
        """

    def csv_header(self, head: bytes) -> list[str] | None:
        """Give the fields of the first record of a CSV body; None if ``head`` ends inside it.

        Raises INVALID_METADATA.
        """
