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
    §2.5-2.7: a quoted field opens and closes with one, a quote inside is two).
    """

    def __init__(self, *, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self._max_record_bytes = max_record_bytes
        self._pending = bytearray()
        self._record_end = 0  # in _pending: behind the last whole record
        self._inside_quotes = False

    def feed(self, text: bytes) -> None:
        """Take more text; raise CsvSyntaxError when no record ends in ``max_record_bytes``."""
        end = _last_record_end(text, inside_quotes=self._inside_quotes)
        if end:
            self._record_end = len(self._pending) + end
        self._inside_quotes ^= text.count(b'"') % 2 == 1
        self._pending += text
        if len(self._pending) - self._record_end > self._max_record_bytes:
            message = f"A record is longer than {self._max_record_bytes} bytes or a quote is open."
            raise CsvSyntaxError(message)

    @property
    def whole_bytes(self) -> int:
        """The bytes of whole records that ``take`` would give."""
        return self._record_end

    def take(self) -> bytes:
        """Give the whole records there are, b"" if none."""
        whole = bytes(self._pending[: self._record_end])
        del self._pending[: self._record_end]
        self._record_end = 0
        return whole

    def take_record(self) -> bytes:
        """Give the first record, its line break included; b"" if none is whole yet."""
        end = _first_record_end(self._pending[: self._record_end])
        record = bytes(self._pending[:end])
        del self._pending[:end]
        self._record_end -= end
        return record

    def finish(self) -> bytes:
        """Give all that is left: the last record may lack its line break."""
        if self._inside_quotes:
            raise CsvSyntaxError("A quote is open at the end of the text.")
        self._record_end = len(self._pending)
        return self.take()


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
        await trio.lowlevel.checkpoint()
        more = True
        while more and not self._splitter.whole_bytes:
            more = await self._read()
        return (self._splitter.take_record() or self._splitter.finish()).rstrip(b"\r\n")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        more = True
        while more and self._splitter.whole_bytes < self._batch_bytes:
            more = await self._read()
        rows = self._splitter.take() if more else self._splitter.finish()
        if not rows:
            raise StopAsyncIteration
        self._sequence += 1
        return encode_csv(rows, self._sequence)

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


def _last_record_end(text: bytes, *, inside_quotes: bool) -> int:
    """Give the offset behind the last line break outside quotes, 0 if there is none.

    Walks backwards, so that usual text costs one search of the last line.
    """
    inside = inside_quotes ^ (text.count(b'"') % 2 == 1)
    end = len(text)
    while end > 0:
        quote = text.rfind(b'"', 0, end)
        if not inside:
            line_break = text.rfind(b"\n", quote + 1, end)
            if line_break >= 0:
                return line_break + 1
        inside = not inside
        end = quote
    return 0


def _first_record_end(text: bytes | bytearray) -> int:
    """Give the offset behind the first line break outside quotes, 0 if there is none."""
    line_break = text.find(b"\n")
    quotes, counted = 0, 0
    while line_break >= 0:
        quotes += text.count(b'"', counted, line_break)
        if quotes % 2 == 0:
            return line_break + 1
        counted = line_break
        line_break = text.find(b"\n", line_break + 1)
    return 0
