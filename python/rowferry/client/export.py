"""An export that takes its rows by hand."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from rowferry.client.connections import Connections
from rowferry.client.errors import ConflictError
from rowferry.client.export_spec import ExportSpec, metadata_of
from rowferry.client.packing import PackedRows, RowPacker
from rowferry.client.results import ExportResult, Progress
from rowferry.client.retries import Retries
from rowferry.client.row_stream import RowStream
from rowferry.client.spec import row_keys
from rowferry.plain_nursery import open_plain_nursery

Rows = Iterable[Any] | AsyncIterable[Any]
"""Each a sequence of cells in the columns' order, or a mapping by the columns' keys."""


class Export:
    """An export that takes rows. ``Client.open`` makes one; one task writes to it at a time."""

    def __init__(self, stream: RowStream, spec: ExportSpec) -> None:
        created = stream.created
        self._stream: Final = stream
        self._packer = RowPacker(
            row_keys(spec["columns"]),
            max_message_bytes=created.max_message_bytes,
            skip_rows=created.rows_received,
        )
        self._skip_batches = max(0, created.next_sequence - 1)
        self._skipped_rows = 0
        self._counted = True

    @property
    def progress(self) -> Progress:
        """Tell how far the rows are, with the ids of request and task."""
        return self._stream.progress

    async def write(self, rows: Rows) -> None:
        """Send rows as the service has room for them.

        Rows that the service has from an earlier try of the same request are drawn and skipped:
        give the same rows again. Up to 64 rows are kept back before they are looked at, so the
        InvalidRowError of one may come with a later call. Raises RowferryError.
        """
        self._stream.check()
        with self._stream.writing():
            if isinstance(rows, AsyncIterable):
                await self._write_as_they_come(rows)
            else:
                await self._put_all(self._packer.pack(rows))

    async def write_packed(
        self, batches: Iterable[PackedRows] | AsyncIterable[PackedRows]
    ) -> None:
        """Send rows that are packed already, in batches that are the same on every try."""
        self._stream.check()
        with self._stream.writing():
            await self.flush()
            if isinstance(batches, AsyncIterable):
                async for packed in batches:
                    await self._put_packed(packed)
            else:
                for packed in batches:
                    await self._put_packed(packed)

    async def flush(self) -> None:
        """Send what was written so far, even if it fills no batch."""
        await self._put_all(self._packer.cut())

    async def finish(self) -> ExportResult:
        """End the rows and give the result; see ``Client.export``."""
        await self.flush()
        if self._stream.takes_rows and not self._skipped_rows:
            self._packer.check_skipped()
        rows = self._stream.progress.rows_sent if self._counted else 0
        return await self._stream.finish(rows)

    def put_what_waits(self) -> None:
        """Queue rows that wait for a batch to be full."""
        for packed in self._packer.cut():
            self._stream.put_now(packed)

    async def _write_as_they_come(self, rows: AsyncIterable[Any]) -> None:
        async for row in rows:
            await self._put_all(self._packer.pack_row(row))

    async def _put_all(self, batches: Iterator[PackedRows]) -> None:
        if not self._stream.takes_rows:
            return
        for packed in batches:
            await self._stream.put(packed)

    async def _put_packed(self, packed: PackedRows) -> None:
        await trio.lowlevel.checkpoint()
        if not self._stream.takes_rows:
            return
        if self._skip_batches:
            self._skip_batches -= 1
            self._skipped_rows += packed.rows or 0
            is_last = not self._skip_batches and packed.rows is not None
            if is_last and self._skipped_rows != self._stream.created.rows_received:
                message = "The service has rows of this request in other batches."
                raise ConflictError("IDEMPOTENCY_CONFLICT", message)
            return
        self._counted = self._counted and packed.rows is not None
        await self._stream.put(packed)


@asynccontextmanager
async def open_export(
    connections: Connections,
    spec: ExportSpec,
    *,
    retry_for_seconds: float,
    wait_seconds: float,
    on_progress: Callable[[Progress], None] | None,
) -> AsyncIterator[Export]:
    """Begin an export; leaving the block without ``finish`` leaves it open to be resumed."""
    opened: list[Export] = []

    def put_what_waits() -> None:
        for export in opened:
            export.put_what_waits()

    stream = RowStream(
        connections,
        metadata_of(spec),
        Retries(retry_for_seconds),
        wait_seconds=wait_seconds,
        on_progress=on_progress,
        on_idle=put_what_waits,
    )
    async with open_plain_nursery() as nursery:
        await nursery.start(stream.run)
        export = Export(stream, spec)
        opened.append(export)
        yield export
        nursery.cancel_scope.cancel()
