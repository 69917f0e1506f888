"""Rows become encoded RecordBatch messages, the form in which the service takes them."""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final, Self

import trio

from rowferry.v1.export_pb2 import Record, RecordBatch

BATCH_ROWS: Final = 1000
CSV_BATCH_BYTES: Final = 256 * 2**10
MAX_RECORD_BYTES: Final = 8 * 2**20
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

Row = Sequence[str | None]
"""One text for each column, None = null."""


class CsvSyntaxError(ValueError):
    """The CSV text can't be cut into records."""


def encode_rows(rows: Iterable[Row], sequence: int) -> bytes:
    """Encode rows as one batch; ``sequence`` counts from 1, 0 = the service numbers it."""
    records = [_record(row) for row in rows]
    return RecordBatch(records=records, batch_sequence=sequence).SerializeToString()


def encode_csv(csv_rows: bytes, sequence: int) -> bytes:
    """Encode whole CSV records (RFC 4180, UTF-8, no header) as one batch."""
    return RecordBatch(csv_rows=csv_rows, batch_sequence=sequence).SerializeToString()


def row_batches(rows: Iterable[Row], *, batch_rows: int = BATCH_ROWS) -> Iterator[bytes]:
    """Encode any number of rows as batches numbered from 1."""
    remaining = iter(rows)
    for sequence in itertools.count(1):
        taken = list(itertools.islice(remaining, batch_rows))
        if not taken:
            return
        yield encode_rows(taken, sequence)


class CsvSplitter:
    """Cuts CSV text at ends of records, without parsing fields.

    A line break ends a record exactly if an even number of quotes stands before it (RFC 4180
    §2.5-2.7: a quoted field opens and closes with one, a quote inside is two). Where it cuts does
    not depend on the pieces in which the text came.
    """

    def __init__(self, *, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self._max_record_bytes = max_record_bytes
        self._pending = bytearray()
        self._scanned = 0  # quotes in _pending are counted up to here ...
        self._inside_quotes = False  # ... where this is the case

    def feed(self, text: bytes) -> None:
        """Take more text."""
        self._pending += text

    def take(self, at_least_bytes: int) -> bytes:
        """Give the records up to the first end at or behind so many bytes.

        Gives b"" as long as that end has not come; raises CsvSyntaxError when it does not come
        within ``max_record_bytes``.
        """
        self._scan_to(at_least_bytes - 1)
        end = self._find_end()
        if not end and len(self._pending) - at_least_bytes > self._max_record_bytes:
            message = f"A record is longer than {self._max_record_bytes} bytes or a quote is open."
            raise CsvSyntaxError(message)
        return self._cut(end)

    def finish(self) -> bytes:
        """Give all that is left: the last record may lack its line break."""
        self._scan_to(len(self._pending))
        if self._inside_quotes:
            raise CsvSyntaxError("A quote is open at the end of the text.")
        return self._cut(len(self._pending))

    def _find_end(self) -> int:
        """Give the offset behind the first line break outside quotes, 0 if there is none yet."""
        while (line_break := self._pending.find(b"\n", self._scanned)) >= 0:
            self._scan_to(line_break + 1)
            if not self._inside_quotes:
                return line_break + 1
        self._scan_to(len(self._pending))
        return 0

    def _scan_to(self, offset: int) -> None:
        end = min(offset, len(self._pending))
        if end > self._scanned:
            quotes = self._pending.count(b'"', self._scanned, end)
            self._inside_quotes ^= quotes % 2 == 1
            self._scanned = end

    def _cut(self, end: int) -> bytes:
        records = bytes(self._pending[:end])
        if end:
            del self._pending[:end]
            self._scanned = 0
            self._inside_quotes = False
        return records


class CsvText:
    """A CSV text with a header, read piece by piece: an iterator of encoded batches.

    The batches hold about ``batch_bytes`` of CSV each and are numbered from 1.
    """

    def __init__(
        self,
        read_piece: Callable[[], Awaitable[bytes]],
        *,
        batch_bytes: int = CSV_BATCH_BYTES,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        """``read_piece`` gives any number of bytes, b"" at the end."""
        self._read_piece = read_piece
        self._batch_bytes = batch_bytes
        self._splitter = CsvSplitter(max_record_bytes=max_record_bytes)
        self._sequence = 0
        self._begun = False

    async def header(self) -> bytes:
        """Give the first record without its line break; b"" for an empty text.

        Call it once, before the first batch.
        """
        return (await self._take(1)).rstrip(b"\r\n")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        rows = await self._take(self._batch_bytes)
        if not rows:
            raise StopAsyncIteration
        self._sequence += 1
        return encode_csv(rows, self._sequence)

    async def _take(self, at_least_bytes: int) -> bytes:
        await trio.lowlevel.checkpoint()
        while not (records := self._splitter.take(at_least_bytes)):
            if not await self._read():
                return self._splitter.finish()
        return records

    async def _read(self) -> bool:
        piece = await self._read_piece()
        more = bool(piece)
        if not self._begun:
            self._begun = True
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
        self._splitter.feed(piece)
        return more


def _record(row: Row) -> Record:
    values = [value or "" for value in row]
    if None not in row:
        return Record(values=values)
    bitmap = sum(1 << index for index, value in enumerate(row) if value is None)
    length = (bitmap.bit_length() + 7) // 8
    return Record(values=values, null_bitmap=bitmap.to_bytes(length, "little"))
