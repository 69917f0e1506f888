"""A request's body as a stream of row messages: what ``RowCall`` needs of HTTP."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import trio

from rowferry.domain.errors import RowferryError
from rowferry.export.byte_budget import LARGE_BYTES
from rowferry.export.signal import Signal
from rowferry.ingest.row_stream import RowMessage
from rowferry.ports import RowBody
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.inflating_body import BodyBytes
from rowferry.wire.message_admission import MessageAdmission
from rowferry.wire.request_codec import RawBatch

BATCH_BYTES: Final = 128 << 10
"""The text of a batch that is cut from a body. It decides where batches end, and so their numbers:
another value would refuse bodies that are sent again after an upgrade."""

READY_BYTES: Final = 512 << 10
"""Batches that are enough for a while."""

PROGRESS_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The first message of a stream, and what follows from it for the body.

    ``head``: bytes of the body that were taken to make the message; they have rows, too.
    """

    message: pb.ExportRequest
    open_rows: Callable[[], RowBody]
    first_sequence: int
    head: bytes = b""


class HttpRowStream:
    """A ``RowStream`` over one body.

    ``opening`` is awaited for the first message, again if it was cancelled; ``end`` is given once
    behind the rows. The last ``task_created`` tells what is kept already.
    """

    def __init__(
        self,
        body: BodyBytes,
        opening: Callable[[], Awaitable[Opening]],
        end: RowMessage,
        *,
        max_message_bytes: int,
    ) -> None:
        self.body_admission: MessageAdmission | None = None
        self.created: pb.TaskCreated | None = None
        self._body = body
        self._open = opening
        self._end = end
        self._max_message_bytes = max_message_bytes
        self._opening: Opening | None = None
        self._rows: RowBody | None = None
        self._holds_long_row = False
        self._ready: deque[bytes] = deque()
        self._is_admitted = False
        self._uncut = memoryview(b"")
        self._is_whole = False
        self._is_cut = False
        self._ended = Signal()
        self._has_ended = False
        self._noted_progress = trio.current_time()

    async def over(self) -> None:
        """Wait until the end of the body was given."""
        await self._ended.wait_for(lambda: self._has_ended)

    async def recv_message(self) -> RowMessage:
        """Give the first message, then batches, then the end; None behind it."""
        if self._opening is None:
            self._opening = await self._open()
            return self._opening.message
        if self._has_ended:
            return None
        while not self._ready and not self._is_cut:
            await (self._cut(self._opening) if self._takes_rows else self._drop())
        if self._ready:
            await self._admit_ready()
            batch = self._ready.popleft()
            if not self._ready:
                self._is_admitted = self._holds_long_row = False
            return RawBatch(batch, 0)
        self._has_ended = True
        self._ended.notify()
        return self._end

    def buffered_message_ready(self) -> bool:
        """Whether a further batch is cut."""
        return bool(self._ready)

    async def send_message(self, message: pb.ExportResponse) -> None:
        """Take note of the task; acks are the answer's business."""
        await trio.lowlevel.checkpoint()
        if message.HasField("task_created"):
            self.created = message.task_created

    async def wait_writable(self) -> None:
        """Return at once: nothing is written before the answer."""
        await trio.lowlevel.checkpoint()

    @property
    def _takes_rows(self) -> bool:
        return self.created is not None and self.created.next_sequence > 0

    async def _drop(self) -> None:
        """Let rows go that are here already."""
        self._body.take()
        self._is_cut = self._body.is_over
        if not self._is_cut:
            await self._body.grow()
            await self._note_progress()

    async def _cut(self, opening: Opening) -> None:
        """Cut what is here; wait for more if nothing is."""
        if self._rows is None:
            self._rows = opening.open_rows()
            self._uncut = memoryview(opening.head)
        if not self._uncut:
            await self._take(self._rows)
        with self._rows_of_the_export():
            self._push(self._rows)
            if self._is_whole and not (self._uncut or self._ready):  # what is ready is kept
                self._ready += self._rows.finish()
                self._is_cut = True

    async def _take(self, rows: RowBody) -> None:
        """Wait for a batch's bytes, or for the end of the body."""
        while self._body.size_bytes < BATCH_BYTES and not self._body.is_over:
            await self._body.grow()
            await self._note_progress()
        is_whole = self._body.is_over
        await self._admit_long_row(rows)
        self._uncut = memoryview(self._body.take())
        self._is_whole = is_whole

    def _push(self, rows: RowBody) -> None:
        """Cut until enough batches are ready: of a short row a long one may come."""
        ready_bytes = 0
        while self._uncut and ready_bytes < READY_BYTES:
            piece, self._uncut = self._uncut[: rows.push_bytes], self._uncut[rows.push_bytes :]
            batches = rows.push(bytes(piece))
            ready_bytes += sum(map(len, batches))
            self._ready += batches

    async def _admit_ready(self) -> None:
        """Wait until the batches that are cut may be held until they are appended.

        What is read ahead, and the rows of no batch yet, are each connection's own: waiting for a
        client must hold nothing that others wait for, however long no batch comes of its bytes.
        """
        if self.body_admission is not None and not (self._is_admitted or self._holds_long_row):
            await self.body_admission.admit(sum(map(len, self._ready)))
        self._is_admitted = True

    async def _admit_long_row(self, rows: RowBody) -> None:
        """Wait until a row that is a large message by now may be held, to its end."""
        if self.body_admission is None or self._holds_long_row or rows.held_bytes <= LARGE_BYTES:
            return
        self._holds_long_row = True
        await self.body_admission.admit_rest(
            self._max_message_bytes, lambda: rows.held_bytes + self._body.size_bytes
        )

    async def _note_progress(self) -> None:
        """Let the client's silence begin anew: bytes have come."""
        now = trio.current_time()
        if self.body_admission is not None and now - self._noted_progress > PROGRESS_SECONDS:
            self._noted_progress = now
            self.body_admission.note_progress()

    @contextmanager
    def _rows_of_the_export(self) -> Iterator[None]:
        """Tell in a refusal which row of the export a row of the body is, if it is known."""
        try:
            yield
        except RowferryError as error:
            raise self._in_export(error) from error

    def _in_export(self, error: RowferryError) -> RowferryError:
        row = error.context.get("row")
        if row is None:
            return error
        context: dict[str, object] = {**error.context, "body_row": row}
        before = self._rows_before
        if before is None:
            del context["row"]
        else:
            context["row"] = before + int(row)
        return RowferryError(error.code, error.message, context)

    @property
    def _rows_before(self) -> int | None:
        """Rows of the export before those of this body; None: it begins with rows of the log."""
        first = self._opening.first_sequence if self._opening else 0
        if first == 1:
            return 0
        if self.created is not None and first in {0, self.created.next_sequence}:
            return self.created.rows_received
        return None
