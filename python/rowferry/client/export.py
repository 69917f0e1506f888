"""An export that takes its rows by hand."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from rowferry.client.cells import RowShape
from rowferry.client.errors import ConflictError
from rowferry.client.packing import KeptBatches, PackedRows, RowPacker
from rowferry.client.results import ExportResult, Progress
from rowferry.client.row_stream import RowStream

CLOSE_SECONDS: Final = 5.0
Rows = Iterable[Any] | AsyncIterable[Any]
"""Each a sequence of cells in the columns' order, or a mapping by the columns' keys."""


class Export:
    """An export that takes rows. ``Client.open`` makes one; one task writes to it at a time."""

    def __init__(self, stream: RowStream, shape: RowShape) -> None:
        self._stream: Final = stream
        self._packer, self._kept = packing_of(stream, shape)
        stream.on_idle = self._put_what_waits

    @property
    def progress(self) -> Progress:
        """Tell how far the rows are, with the ids of request and task."""
        return self._stream.progress

    @property
    def max_message_bytes(self) -> int:
        """Tell how large the service lets a message be."""
        return self._stream.created.max_message_bytes

    async def write(self, rows: Rows) -> None:
        """Send rows as the service has room for them.

        Rows that the service has from an earlier try of the same request are drawn and skipped:
        give the same rows again. Up to 64 rows are kept back before they are looked at, so the
        InvalidRowError of one may come with a later call; nothing behind that row is sent. Raises
        RowferryError. What was drawn before the source broke, or the call was cancelled, is sent.
        """
        with self._stream.naming(), self._stream.writing():
            if isinstance(rows, AsyncIterable):
                async for row in rows:
                    await self._put_all(self._packer.pack_row(row))
            else:
                await self._put_all(self._packer.pack(rows))

    async def write_packed(
        self, batches: Iterable[PackedRows] | AsyncIterable[PackedRows]
    ) -> None:
        """Send rows that are packed already, in batches that are the same on every try.

        An export has its rows either by ``write`` or by this.
        """
        with self._stream.naming(), self._stream.writing():
            if isinstance(batches, AsyncIterable):
                async for packed in batches:
                    await self._put(packed)
            else:
                for packed in batches:
                    await self._put(packed)

    async def flush(self) -> None:
        """Send what was written so far, even if it fills no batch."""
        with self._stream.naming():
            await self._put_all(self._packer.cut())

    async def finish(self) -> ExportResult:
        """End the rows and give the result; see ``Client.export``."""
        await self.flush()
        with self._stream.naming():
            check_rows_came_again(self._stream, self._packer, self._kept)
            return await self._stream.finish()

    async def _put_all(self, batches: Iterator[PackedRows]) -> None:
        if self._stream.takes_rows:  # else they are not even drawn
            for packed in batches:
                await self._stream.put(packed)

    async def _put(self, packed: PackedRows) -> None:
        await trio.lowlevel.checkpoint()
        if self._stream.takes_rows and not self._kept.has(packed):
            await self._stream.put(packed)

    def _put_what_waits(self) -> None:
        with self._stream.naming():
            for packed in self._packer.cut():
                self._stream.put_now(packed)


@asynccontextmanager
async def closed_behind(rows: object) -> AsyncIterator[None]:
    """Close an asynchronous generator that the block draws from, so that it cleans up in time."""
    try:
        yield
    finally:
        if isinstance(rows, AsyncGenerator):
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await rows.aclose()


def packing_of(stream: RowStream, shape: RowShape) -> tuple[RowPacker, KeptBatches]:
    """Build what makes a stream's batches of rows, and what knows those that are there."""
    created = stream.created
    kept = KeptBatches(batches=max(0, created.next_sequence - 1), rows=created.rows_received)
    packer = RowPacker(
        shape, max_message_bytes=created.max_message_bytes, skip_rows=created.rows_received
    )
    return packer, kept


def check_rows_came_again(stream: RowStream, packer: RowPacker, kept: KeptBatches) -> None:
    """Raise ConflictError if fewer rows came than the service has of the same request."""
    if stream.takes_rows and packer.skip_rows and kept.left:
        received = stream.created.rows_received
        message = f"The service has {received} rows of this request, and fewer came now."
        raise ConflictError("ROW_COUNT_MISMATCH", message, {"expected": str(received)})
