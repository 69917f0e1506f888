# ruff: noqa: PYI021 - the compiled module has no source to read its docstrings from
"""The compiled core: rows in, CSV and XLSX file bytes out (Rust, see `rust/rowfile`).

Every call that does work releases the GIL. Objects may cross threads, but callers serialise the
calls on one object: a call while another thread is inside raises `CoreError("INTERNAL")`.
Rows are 1-based data rows of the export (0 = the header), columns are 0-based.
"""

import os
from typing import Literal, final

__all__ = [
    "Appended",
    "ArrowRows",
    "BatchFramer",
    "CoreError",
    "Crc64",
    "CsvWriter",
    "EncoderPool",
    "FileChecksums",
    "FileDigest",
    "FileSummary",
    "RowBody",
    "Schema",
    "SpoolLog",
    "SpoolReader",
    "SpoolSync",
    "WriteProgress",
    "XlsxWriter",
    "csv_header",
    "unmasked",
    "version",
]

version: str

class CoreError(Exception):
    """What the core refused or could not do.

    Codes: INVALID_METADATA, INVALID_ROW, SEQUENCE_GAP, IDEMPOTENCY_CONFLICT, INVALID_STATE,
    ROW_COUNT_MISMATCH, ROW_LIMIT, TOO_LARGE, DISK_FULL, WRITE_FAILED, INTERNAL.
    """

    code: str
    """The stable code."""
    message: str
    """A sentence for clients; repeats at most 40 characters of what they sent."""
    context: dict[str, str]
    """Where and what: field, row, column, key, message, expected, got, batch_sequence, limit."""

@final
class Schema:
    """A validated specification of one file. Immutable, usable from any thread."""

    def __new__(cls, spec_json: bytes) -> Schema:
        """Parse and validate UTF-8 JSON.

        `{"format": "EXCEL" | "CSV", "sheets": [{"name": "Sheet1", "columns": [{"name": "id",
        "data_type": "STRING" | "NUMBER" | "DATE" | "BOOLEAN", "width": 0, "format": "",
        "key": ""}]}], "options": {...}}` with exactly one sheet of 1 to 16,384 columns. `options`
        are the fields of the contract's `FormatOptions` but `excel_sheet_name`, as the client
        sent them; a field that is missing, empty, 0 or false is its default. A preset resolves
        first, an explicit option wins.

        Raises:
            CoreError: INVALID_METADATA with context field, expected, got.

        """

    @property
    def format(self) -> str:
        """`EXCEL` or `CSV`."""

    @property
    def columns(self) -> int:
        """How many columns the file has."""

    @property
    def extension(self) -> str:
        """`.xlsx`, `.csv` or `.csv.gz`."""

    @property
    def content_type(self) -> str:
        """Media type, with the charset for plain CSV."""

@final
class Crc64:
    """A CRC-64/XZ in progress (check value 0x995dc9bbdf1939fa), which object storages use."""

    def __new__(cls) -> Crc64:
        """Start with no bytes."""

    def update(self, content: bytes) -> None:
        """Take bytes in; other threads run meanwhile if they are many."""

    @property
    def value(self) -> int:
        """The checksum of all bytes taken in, unsigned."""

@final
class Appended:
    """What one `SpoolLog.append` did."""

    @property
    def last_sequence(self) -> int:
        """Number of the last batch in the log; 0 = none."""

    @property
    def rows(self) -> int:
        """Data rows in the log."""

    @property
    def payload_bytes(self) -> int:
        """Bytes of all batches in the log, without their numbers and frame headers."""

    @property
    def batches_appended(self) -> int:
        """Batches that this call added."""

    @property
    def duplicates(self) -> int:
        """Batches of this call that the log already had, with equal content."""

    @property
    def refused(self) -> CoreError | None:
        """Why the call stopped before its last message, not raised.

        INVALID_ROW, INVALID_METADATA, SEQUENCE_GAP, IDEMPOTENCY_CONFLICT, INVALID_STATE (rows
        after the end), TOO_LARGE, DISK_FULL, WRITE_FAILED. Messages before it are in the log;
        nothing of the refused one is.
        """

    @property
    def log_full(self) -> bool:
        """Whether `refused` is TOO_LARGE because of the log's `max_file_bytes`."""

@final
class BatchFramer:
    """Frames for a writer of rows that need no log, judged as `SpoolLog.append` judges them."""

    def __new__(cls, schema: Schema) -> BatchFramer:
        """Start before the first row of an export."""

    def json_rows(self, rows: bytes) -> bytes:
        """Check one batch, a JSON array of rows, and give its frame.

        Raises:
            CoreError: INVALID_ROW with the row of the whole export, TOO_LARGE. Nothing is counted.

        """

    def csv_rows(self, rows: bytes) -> bytes:
        """As `json_rows`, for RFC 4180 records in UTF-8 without a header."""

    @property
    def rows(self) -> int:
        """Data rows framed so far."""

def unmasked(masked: bytes, key: bytes) -> bytes:
    """Take the mask off (part of) a WebSocket frame's payload (RFC 6455 §5.3), or put it on.

    ``key``: 4 bytes, the first of which is for the first byte of ``masked``. Keeps the GIL.
    """

def csv_header(head: bytes) -> list[str] | None:
    """Give the fields of the first record of a CSV body that is not blank, unquoted.

    ``head`` is the body's first bytes; None: the record has not ended in them, more are needed
    (at the body's end a line break is). A byte order mark is no part of it. As many bytes are
    looked at as there are: callers bound them.

    Raises:
        CoreError: INVALID_METADATA (no record of RFC 4180, or no UTF-8), field "header".

    """

@final
class ArrowRows:
    """The rows of Arrow columns as RecordBatch messages of `csv_rows`, without numbers.

    Where batches end depends on the rows alone, never on how many come at once. Memory is one
    batch and what `push` is given.
    """

    def __new__(cls, kinds: list[str], *, batch_bytes: int, max_message_bytes: int) -> ArrowRows:
        """Start before the first row of a table.

        `kinds` say what the values of each column are: `null`, `bool` (bits), `int64`, `uint64`,
        `float32`, `float64`, `text` (UTF-8 between 64-bit offsets), `date` (32-bit days),
        `decimal128 SCALE`, `digits SCALE` (unscaled integers as text), `time UNIT`,
        `timestamp UNIT` and, told by a zone's clock, `timestamp UNIT ZONE` or
        `timestamp-offset UNIT ZONE`; UNIT is `s`, `ms`, `us` or `ns`, ZONE an IANA name or
        `+hh:mm`. `batch_bytes` of text is the most of several rows in one batch,
        `max_message_bytes` bounds a row.

        Raises:
            ValueError: A kind is none of these.

        """

    def push(
        self, rows: int, columns: list[tuple[bytes | None, int, bytes, bytes]]
    ) -> list[tuple[bytes, int]]:
        """Take the next rows; give the messages that are complete, each with its rows.

        Of each column: validity bitmap or None, bit of the first row in the first byte of
        bitmaps, values, offsets (of `text` and `digits`, else b""); cut to the rows.

        Raises:
            CoreError: INVALID_ROW with row and column of a value that no cell can have,
                TOO_LARGE for a row longer than a message, INTERNAL for buffers that are too
                short. The object is of no use then.

        """

    def finish(self) -> list[tuple[bytes, int]]:
        """Give the last message, if there are rows for one."""

@final
class RowBody:
    """The body of an upload, cut into encoded ``RecordBatch`` messages at ends of rows.

    Cuts depend on the body's bytes, the schema and the numbers given here, never on how the body
    arrived: sent again, with the same numbers, it gives the same messages. Rows are cut here and
    judged by `SpoolLog.append`. Memory is ``batch_bytes`` and one row or message.
    """

    def __new__(
        cls,
        schema: Schema,
        kind: Literal["csv", "csv-header", "ndjson", "frames"],
        *,
        first_sequence: int,
        batch_bytes: int,
        max_message_bytes: int,
    ) -> RowBody:
        """Start before the body's first byte.

        csv: RFC 4180 in UTF-8 (a byte order mark is skipped; LF or CRLF), columns in the schema's
        order. csv-header: the first record names the columns by key or name, in any order; one
        that is not named is empty in every row. ndjson: a JSON array or object a line, as in
        ``json_rows``; blank lines are skipped. frames: messages, each with its length in front, a
        varint; they keep their own numbers and cuts.

        ``first_sequence`` numbers the messages from there, 0 leaves it to the log. ``batch_bytes``
        bounds the text of a message that has more than one row. A row or message that would need
        more than ``max_message_bytes`` is refused.

        Raises:
            ValueError: an unknown kind.
            OverflowError: a negative number.

        """

    def push(self, data: bytes) -> list[bytes]:
        """Take the next bytes, and give the messages that are complete.

        A refusal comes with the call after the one that gave the last messages before it; after
        it the body is of no use. Rows are those of the body, from 1.

        Raises:
            CoreError: INVALID_ROW (row, column, message), TOO_LARGE (row, limit),
                INVALID_METADATA (the header names an unknown column, or one twice).

        """

    def finish(self) -> list[bytes]:
        """End the body, and give the messages that are left.

        Raises:
            CoreError: as `push`; INVALID_ROW when the body ends inside a quoted field, a value of
                JSON or a message.

        """

    @property
    def rows(self) -> int:
        """Rows cut so far, also those that no message has yet. Those of frames are not counted."""

    @property
    def held_bytes(self) -> int:
        """Bytes of rows and messages that were taken and not given yet."""

@final
class SpoolLog:
    """The append-only row log of one task: a file, or memory. Memory is constant for a file."""

    @staticmethod
    def create(
        schema: Schema, path: str | os.PathLike[str] | None, max_file_bytes: int | None = None
    ) -> SpoolLog:
        """Start an empty log in a new file; in memory for None.

        Batches that would outgrow `max_file_bytes` are refused.

        Raises:
            CoreError: DISK_FULL, WRITE_FAILED (the file exists, or can't be written).

        """

    @staticmethod
    def open(
        schema: Schema, path: str | os.PathLike[str], max_file_bytes: int | None = None
    ) -> SpoolLog:
        """Recover the log of an existing file: all frames are verified, a torn tail is cut.

        Raises:
            CoreError: WRITE_FAILED, INTERNAL (no log, or one with other columns).

        """

    def append(self, messages: list[tuple[bytes, int]]) -> Appended:
        """Judge and append `RecordBatch` messages in order, in few writes.

        Each tuple is a buffer and the offset at which the message starts in it; it ends with the
        buffer. Batches are numbered 1, 2, 3, ... by the client, or all 0 and numbered here; the
        first settles it. A failed write is cut at the last whole frame. Refusals are in
        `Appended.refused`.

        Raises:
            ValueError: an offset lies behind its buffer.
            CoreError: INTERNAL (closed, or in use by another thread).

        """

    def end(self, expected_rows: int) -> None:
        """End the rows; again is nothing new. `expected_rows` 0 = not checked.

        Raises:
            CoreError: ROW_COUNT_MISMATCH (nothing is written), DISK_FULL, WRITE_FAILED.

        """

    def reader(self) -> SpoolReader:
        """Read from the log's start, also while another thread appends, also after `close`."""

    def syncer(self) -> SpoolSync:
        """Make the log and its file's name survive a loss of power, beside appends."""

    def distrust(self, synced_bytes: int) -> None:
        """Take nothing more, and cut the file behind `synced_bytes`: a sync failed.

        Raises:
            CoreError: WRITE_FAILED (it can't be cut).

        """

    def close(self) -> None:
        """Give up the handle, waiting for nothing; again is nothing. Readers go on.

        A call under way in another thread gives it up at its end; so do the other classes.
        """

    @property
    def next_sequence(self) -> int:
        """The number the next batch must have, from 1."""

    @property
    def rows(self) -> int:
        """Data rows in the log."""

    @property
    def payload_bytes(self) -> int:
        """Bytes of all batches, without their numbers and frame headers."""

    @property
    def file_bytes(self) -> int:
        """Size of the log."""

    @property
    def ended(self) -> bool:
        """Whether the rows have ended."""

@final
class SpoolSync:
    """Syncs a log. Made by `SpoolLog.syncer`; works while other threads append."""

    def sync(self) -> None:
        """Make everything appended before the call survive a loss of power (fdatasync).

        Raises:
            CoreError: DISK_FULL, WRITE_FAILED. What was appended must not be acknowledged, and
                all later calls fail: the system may have dropped what it could not write.

        """

    @property
    def synced_bytes(self) -> int:
        """Bytes of the log that survive."""

@final
class SpoolReader:
    """A position in a log. Made by `SpoolLog.reader`."""

    def read(self, max_bytes: int) -> bytes:
        """Take the whole frames from the position on, at most `max_bytes` of them.

        A longer frame comes alone. Empty: no frame is whole yet, or `ended`. The end of rows is
        no part of the bytes.

        Raises:
            CoreError: WRITE_FAILED (the log can't be read), INTERNAL (it is damaged).

        """

    def close(self) -> None:
        """Give up the handle; again is nothing."""

    @property
    def ended(self) -> bool:
        """Whether the end of rows was reached."""

    @property
    def rows_total(self) -> int:
        """Data rows in the frames read so far: all of the export's once `ended`."""

@final
class WriteProgress:
    """How far a file is."""

    @property
    def rows(self) -> int:
        """Data rows written."""

    @property
    def file_bytes(self) -> int:
        """Bytes in the file, for whoever opens it; a few blocks of rows are still in memory."""

    @property
    def pending(self) -> tuple[int, int] | None:
        """Where, from and up to, bytes of the file are patched later: all others stay.

        The local header of an XLSX file's open sheet has its sizes there; None for CSV.
        """

@final
class FileSummary:
    """A finished file, not synced: it is durable where it is stored."""

    @property
    def rows(self) -> int:
        """Data rows."""

    @property
    def file_bytes(self) -> int:
        """Size."""

    @property
    def checksums(self) -> FileChecksums | None:
        """Checksums of the file; None for XLSX, which is patched at its end."""

    @property
    def fidelity(self) -> list[tuple[str, int, int, int]]:
        """Cells that are not exactly what came: kind, cells, first row (0 = header), first column.

        Kinds: escaped, truncated, kept_as_text, nulled, unmappable, neutralised.
        """

@final
class EncoderPool:
    """Threads that compress blocks of rows for all writers given it, which may outlive it.

    A writer without a pool does it all in its caller's thread.
    """

    def __new__(cls, threads: int) -> EncoderPool:
        """Start the threads, which end when nothing holds the pool.

        Raises:
            CoreError: WRITE_FAILED when the system refuses a thread.

        """

@final
class CsvWriter:
    """Writes one CSV file in bounded memory. After an error the file is of no use."""

    def __new__(
        cls, schema: Schema, path: str | os.PathLike[str], pool: EncoderPool | None = None
    ) -> CsvWriter:
        """Create or empty the file and write the header; ``pool`` compresses gzip.

        Raises:
            CoreError: DISK_FULL, WRITE_FAILED.

        """

    def write(self, frames: bytes) -> WriteProgress:
        """Write the rows of what `SpoolReader.read` gave.

        Raises:
            CoreError: INVALID_ROW (as on_bad_value, on_unmappable and injection_guard demand)
                with row, column, expected, got; DISK_FULL, WRITE_FAILED, INTERNAL.

        """

    def finish(self) -> FileSummary:
        """End the file.

        Raises:
            CoreError: as `write`; INTERNAL when closed.

        """

    def close(self) -> None:
        """Abandon the file, which stays for the caller to unlink; again is nothing."""

@final
class XlsxWriter:
    """Writes one XLSX file in bounded memory. After an error the file is of no use."""

    def __new__(
        cls, schema: Schema, path: str | os.PathLike[str], pool: EncoderPool | None = None
    ) -> XlsxWriter:
        """Create or empty the file; its header follows with the first rows.

        ``pool`` encodes beside the caller's thread; the file is the same with any.

        Raises:
            CoreError: DISK_FULL, WRITE_FAILED.

        """

    def write(self, frames: bytes) -> WriteProgress:
        """Write the rows of what `SpoolReader.read` gave; sheets follow one another.

        The first 200 rows are held back until column widths are settled, unless all are given.
        A cell that is refused is told when its block of rows is encoded, calls later maybe.

        Raises:
            CoreError: INVALID_ROW (as on_bad_value and on_control_character demand) with row,
                column, expected, got; ROW_LIMIT, TOO_LARGE, DISK_FULL, WRITE_FAILED, INTERNAL.

        """

    def finish(self) -> FileSummary:
        """End the file.

        Raises:
            CoreError: as `write`; INTERNAL when closed.

        """

    def close(self) -> None:
        """Abandon the file, which stays for the caller to unlink; again is nothing."""

@final
class FileChecksums:
    """What tells a whole file from any other."""

    @property
    def sha256(self) -> str:
        """SHA-256, lower-case hex."""

    @property
    def crc64(self) -> int:
        """CRC-64/XZ, unsigned."""

@final
class FileDigest:
    """The checksums of a file that nothing writes any more, step by step."""

    def __new__(cls, path: str | os.PathLike[str]) -> FileDigest:
        """Open the file, which may be moved or removed meanwhile.

        Raises:
            CoreError: WRITE_FAILED when it can't be read.

        """

    def advance(self, max_bytes: int) -> FileChecksums | None:
        """Read about `max_bytes` more; once all are, give the checksums and let go.

        Raises:
            CoreError: WRITE_FAILED; INTERNAL when it was given already.

        """
