"""Rows become JSON, a batch of about 256 KiB at a time: msgspec does it in C.

What msgspec would write without a word, and wrongly (NaN as null, bytes as base64), is found by
looking at a piece as a whole. Only a piece with something unusual in it is gone through cell by
cell.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import msgspec

from rowferry.client.cells import RowShape, moment_text, plain_row
from rowferry.client.errors import ConflictError, LimitedError
from rowferry.client.varint import varint

BATCH_BYTES: Final = 256 * 2**10
PIECE_ROWS: Final = 64
"""The most rows that are encoded at once: what is in memory as Python objects."""
_ENVELOPE_BYTES: Final = 64  # of a message, around the JSON
_JSON_ROWS_TAG: Final = b"\x1a"  # RecordBatch.json_rows: field 3, length-delimited
_encode: Final = msgspec.json.Encoder().encode
_NONE: Final = type(None)
_NO_ROW: Final = object()
# Exactly these, no subclasses: what msgspec writes as docs/python.md has it.
_PLAIN: Final = frozenset({str, int, float, bool, _NONE, Decimal, datetime, date, time, UUID})
_ODD_DECIMALS: Final = (b"NaN", b'Infinity"', b"E+", b"E-")
_CLOCKS: Final = frozenset({datetime, time})
# What msgspec writes of clocks and is not wanted: a fraction's last zeros, and the offset.
_OFFSET: Final = rb"(?:Z|[+-]\d\d:\d\d)"
# Until 1972 there were offsets with seconds, which msgspec rounds.
_OLD: Final = rb'"(?:0\d|1[0-8]|19(?=[0-6]|7[0-2]))\d\d-\d\d-\d\dT[\d:.]+' + _OFFSET
_ODD_FRACTION: Final = re.compile(rb":\d\d\.\d+0" + _OFFSET + rb'?"|' + _OLD + rb'"')
_ODD_FRACTION_OR_OFFSET: Final = re.compile(rb":\d\d(?:\.\d+0|(?:\.\d+)?" + _OFFSET + rb')"')
_LISTS: Final = frozenset({list, tuple})
_MAPPINGS: Final = frozenset({dict})


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRows:
    """A batch: an encoded RecordBatch without its number, and how many rows it has.

    ``rows`` is None where nobody has counted them.
    """

    encoded: bytes
    rows: int | None


class KeptBatches:
    """The batches that the service has from an earlier try of the same request.

    They are told by their number: whoever packs has to make the same batches on every try.
    """

    def __init__(self, *, batches: int, rows: int) -> None:
        self.left = batches
        """Batches that have still to come before one is wanted."""
        self._rows = rows
        self._seen_rows: int | None = 0

    def has(self, packed: PackedRows) -> bool:
        """Take note of the next batch and tell whether it is there; raise ConflictError."""
        if not self.left:
            return False
        self.left -= 1
        if self._seen_rows is not None:
            self._seen_rows = None if packed.rows is None else self._seen_rows + packed.rows
        if not self.left and self._seen_rows not in {None, self._rows}:
            message = "The service has rows of this request in other batches."
            raise ConflictError("IDEMPOTENCY_CONFLICT", message)
        return True


class RowPacker:
    """Makes batches of rows that are sequences or mappings, all of one shape.

    Up to ``PIECE_ROWS`` rows are kept back before they are looked at. All methods raise
    InvalidRowError for a row that can't be told and LimitedError for one that is larger than a
    message may be; the number in the error counts all rows of the export. A refused row stays
    where it is: nothing behind it is packed, however often that is tried. What was drawn is kept
    whatever happens to the one who draws.
    """

    def __init__(self, shape: RowShape, *, max_message_bytes: int, skip_rows: int = 0) -> None:
        """``skip_rows`` are dropped unseen: the service has them."""
        self._shape = shape
        self._get = _getter(shape.keys)
        self._odd_clock = _ODD_FRACTION if shape.with_offsets else _ODD_FRACTION_OR_OFFSET
        self._max_bytes = max_message_bytes - _ENVELOPE_BYTES
        self._batch_bytes = min(BATCH_BYTES, self._max_bytes)
        self.skip_rows = skip_rows
        """Rows that have still to come before one is wanted."""
        self._taken_rows = skip_rows
        self._piece_rows = 1  # until it is known how long rows are
        self._waiting: list[Any] = []
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._rows = 0

    def pack(self, rows: Iterable[Any]) -> Iterator[PackedRows]:
        """Draw rows and give the batches that are full."""
        remaining = iter(rows)
        while self.skip_rows and next(remaining, _NO_ROW) is not _NO_ROW:
            self.skip_rows -= 1
        while True:
            if len(self._waiting) >= self._piece_rows:
                yield from self._pack_waiting()
            # Not by way of a list of its own: what came before a source broke would be lost.
            self._waiting.extend(islice(remaining, self._piece_rows - len(self._waiting)))
            if len(self._waiting) < self._piece_rows:
                return

    def pack_row(self, row: object) -> Iterator[PackedRows]:
        """Take one row and give the batches that are full."""
        return self.pack((row,))

    def cut(self) -> Iterator[PackedRows]:
        """Give what is left as a batch, if anything is."""
        yield from self._pack_waiting()
        yield from self._cut()

    def _pack_waiting(self) -> Iterator[PackedRows]:
        if not self._waiting:
            return
        encoded = self._encoded(self._waiting)
        self._fit_piece(len(encoded))
        if len(encoded) <= self._batch_bytes:
            rows = len(self._waiting)
            self._waiting.clear()
            yield from self._add(encoded, rows)
            return
        while self._waiting:
            encoded = self._row(self._waiting[0])
            del self._waiting[0]
            yield from self._add(encoded, 1)

    def _fit_piece(self, encoded_bytes: int) -> None:
        """Take fewer long rows at once."""
        rows = len(self._waiting)
        if encoded_bytes > self._batch_bytes:
            self._piece_rows = max(1, rows // 2)
        elif 2 * encoded_bytes <= self._batch_bytes:
            self._piece_rows = min(PIECE_ROWS, max(self._piece_rows, 2 * rows))

    def _cut(self) -> Sequence[PackedRows]:
        if not self._pieces:
            return ()
        json_rows = b"[" + b",".join(self._pieces) + b"]"
        encoded = _JSON_ROWS_TAG + varint(len(json_rows)) + json_rows
        packed = PackedRows(encoded=encoded, rows=self._rows)
        self._pieces, self._bytes, self._rows = [], 0, 0
        return (packed,)

    def _add(self, encoded: bytes, rows: int) -> Iterator[PackedRows]:
        is_full = self._bytes + len(encoded) > self._batch_bytes
        full = self._cut() if is_full else ()
        self._pieces.append(encoded[1:-1])
        self._bytes += len(encoded)
        self._rows += rows
        self._taken_rows += rows
        yield from full  # last: whoever draws may not come back

    def _row(self, row: object) -> bytes:
        encoded = self._encoded([row])
        if len(encoded) > self._max_bytes:
            number = self._taken_rows + 1
            context = {"row": str(number), "limit": str(self._max_bytes)}
            message = (
                f"Row {number} has {len(encoded)} bytes, more than the service takes at once."
            )
            raise LimitedError("TOO_LARGE", message, context)
        return encoded

    def _encoded(self, piece: list[Any]) -> bytes:
        """Encode rows as one JSON array."""
        try:
            rows = self._in_order(piece)
            if rows is not None and (encoded := self._encoded_if_plain(rows)) is not None:
                return encoded
        except (KeyError, UnicodeEncodeError):
            pass  # a missing key; text that no UTF-8 can hold
        first = self._taken_rows + 1
        return _encode(
            [plain_row(row, self._shape, number) for number, row in enumerate(piece, first)]
        )

    def _in_order(self, piece: list[Any]) -> list[Any] | None:
        """Give rows whose cells are in order and as many as columns; None if some are not."""
        kinds = set(map(type, piece))
        if kinds <= _LISTS:
            rows = piece
        elif kinds <= _MAPPINGS:
            rows = list(map(self._get, piece))  # as many keys and none missing: none unknown
        else:
            return None
        return rows if set(map(len, piece)) == {len(self._shape.keys)} else None

    def _encoded_if_plain(self, rows: list[Any]) -> bytes | None:
        """Encode rows of plain values; None if there is a value that has to be looked at."""
        types = set(map(type, chain.from_iterable(rows)))
        if not types <= _PLAIN:
            return None
        encoded = _encode(rows)
        if float in types and b"null" in encoded and not _nulls_are_none(rows, encoded):
            return None
        if Decimal in types and any(map(encoded.__contains__, _ODD_DECIMALS)):
            return None
        if types & _CLOCKS and self._odd_clock.search(encoded):
            with_offset = self._shape.with_offsets
            return _encode([[_plain_clock(cell, with_offset) for cell in row] for row in rows])
        return encoded


def _getter(keys: tuple[str, ...]) -> Callable[[Any], Any]:
    if len(keys) == 1:
        return lambda row: (row[keys[0]],)
    return itemgetter(*keys)


def _nulls_are_none(rows: list[Any], encoded: bytes) -> bool:
    """Tell whether every null is a None: a NaN is written as null too.

    "null" inside a text makes this False now and then, and costs a closer look.
    """
    return encoded.count(b"null") == sum(map(operator.countOf, rows, repeat(None)))


def _plain_clock(cell: object, with_offset: bool) -> object:  # noqa: FBT001  once a cell
    if isinstance(cell, (datetime, time)):
        return moment_text(cell, with_offset=with_offset)
    return cell
