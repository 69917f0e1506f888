"""Batches on their way to the service, over as many connections as it takes.

What is not acknowledged is kept, up to ``WINDOW_BYTES``; then writers wait. A connection that
breaks is made again with the same metadata: the answer's ``next_sequence`` says what the service
has (docs/protocol.md, "When a stream breaks").
"""

import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import trio

from rowferry.client.call import CallEnded
from rowferry.client.connections import Nodes
from rowferry.client.errors import ConflictError, RowferryError, UnreachableError
from rowferry.client.home_process import HomeProcess
from rowferry.client.packing import PackedRows
from rowferry.client.results import (
    ExportResult,
    Progress,
    Task,
    result_of,
    result_of_task,
    task_of,
)
from rowferry.client.retries import STREAM_IDLE, Retries, node_after
from rowferry.client.service_calls import ExportCall, ServiceCalls
from rowferry.client.varint import varint
from rowferry.plain_nursery import open_plain_nursery
from rowferry.v1 import export_pb2 as pb

WINDOW_BYTES: Final = 8 * 2**20
_BATCH_COST_BYTES: Final = 512  # of a batch besides its rows: many small ones take room too
IDLE_SECONDS: Final = 1.0
"""After so long without a batch, rows that do not fill one are sent."""
_SEQUENCE_TAG: Final = b"\x10"  # RecordBatch.batch_sequence: field 2, varint
_INVALID_STATE: Final = "INVALID_STATE"


class RowStream:
    """The rows of one export. ``run`` sends, in a nursery of whoever opened it."""

    def __init__(
        self,
        nodes: Nodes,
        metadata: pb.ExportMetadata,
        retries: Retries,
        *,
        wait_seconds: float,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.on_idle: Callable[[], None] | None = None
        """May ``put_now`` what waits for a batch to be full."""
        self._home = HomeProcess()
        self._nodes = nodes
        self._metadata = metadata
        self._retries = retries
        self._wait_seconds = wait_seconds
        self._on_progress = on_progress
        self._node = ""
        self._created: pb.TaskCreated | None = None
        self._batches: dict[int, bytes] = {}  # unacknowledged, by sequence
        self._bytes = 0
        self._last_sequence = 0
        self._has_ended = False  # no more rows come
        self._all_counted = True
        self._deadline = math.inf
        self._rows_sent = 0
        self._rows_kept = 0
        self._connects = 0
        self._result: ExportResult | None = None
        self._failure: RowferryError | None = None
        self._over = trio.Event()
        self._news = trio.Event()
        self._room = trio.Event()
        self._writers: set[trio.CancelScope] = set()

    @property
    def created(self) -> pb.TaskCreated:
        """Give the service's first answer; ``run`` has to have started."""
        if self._created is None:
            raise RuntimeError("The stream has not begun.")
        return self._created

    @property
    def takes_rows(self) -> bool:
        """Tell whether rows are wanted: the service may have all of them already."""
        return self._created is None or self._created.next_sequence > 0

    @property
    def progress(self) -> Progress:
        """Tell how far the rows are."""
        return self._progress(None)

    async def put(self, packed: PackedRows) -> None:
        """Queue a batch, then wait while the window is full. Raises the failure of the stream.

        Behind ``finish`` raises RuntimeError: nobody would send the batch. Who is cancelled while
        it waits has queued it all the same.
        """
        self.check()
        self.check_open()
        self.put_now(packed)
        await trio.lowlevel.checkpoint()
        while self._bytes >= WINDOW_BYTES and not self._over.is_set():
            self._room = trio.Event()
            await self._room.wait()
        self.check()

    def put_now(self, packed: PackedRows) -> None:
        """Queue a batch, whether there is room or not."""
        self._last_sequence += 1
        self._batches[self._last_sequence] = packed.encoded
        self._bytes += len(packed.encoded) + _BATCH_COST_BYTES
        self._rows_sent += packed.rows or 0
        self._all_counted &= packed.rows is not None
        self._news.set()

    def check(self) -> None:
        """Raise the failure of the stream, if it has one, and ForkedError in a fork."""
        self._home.check()
        if self._failure is not None:
            raise self._failure

    def check_open(self) -> None:
        """Raise RuntimeError behind ``finish``: nobody would send more rows."""
        if self._has_ended:
            raise RuntimeError("The export's rows have ended: no more can be written.")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Break off what is awaited in the block when the stream is over; raise its failure."""
        self.check()
        self.check_open()
        with trio.CancelScope() as scope:
            self._writers.add(scope)
            try:
                yield
            finally:
                self._writers.discard(scope)
        self.check()

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Let a failure in the block say which export it was."""
        try:
            yield
        except RowferryError as failure:
            failure.request_id = self._metadata.request_id
            failure.task_id = self._created.task_id if self._created else failure.task_id
            raise

    async def finish(self) -> ExportResult:
        """End the rows and give the result; raise the failure of the stream."""
        self._home.check()
        self._has_ended = True
        self._deadline = trio.current_time() + self._wait_seconds
        self._news.set()
        await self._over.wait()
        self.check()
        while self._result is None:  # ``run`` broke: its nursery is about to cancel this
            await trio.sleep_forever()
        return self._result

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Send until there is a result; started once the service has answered."""
        try:
            with self.naming():
                while self._result is None:
                    await self._try(task_status)
        except RowferryError as failure:
            if self._created is None:
                raise
            self._failure = failure
        finally:
            self._over.set()
            self._room.set()
            for scope in self._writers:
                scope.cancel()

    async def _try(self, task_status: trio.TaskStatus[None]) -> None:
        try:
            calls = await self._nodes.calls(self._node)
            try:
                self._result = await self._stream(calls, task_status)
            except ConflictError as refusal:
                if refusal.code != _INVALID_STATE or not self._has_ended:
                    raise
                self._result = await self._ended_meanwhile(calls, refusal)
        except RowferryError as failure:
            if failure.code == STREAM_IDLE:
                await self._something_to_send()
            self._node = node_after(failure, self._node)
            await self._retries.pause(failure)

    async def _stream(
        self, calls: ServiceCalls, task_status: trio.TaskStatus[None]
    ) -> ExportResult:
        self._metadata.wait_seconds = self._seconds_to_wait()
        async with calls.open_export(self._metadata) as call:
            response = await call.receive()
            if response is None or not response.HasField("task_created"):
                raise RowferryError("INTERNAL", "The server did not begin with the task.")
            self._connected(response.task_created, task_status)
            async with open_plain_nursery() as nursery:
                nursery.start_soon(self._send, call, calls)
                result = await self._receive(call)
                nursery.cancel_scope.cancel()
        return result

    def _connected(self, created: pb.TaskCreated, task_status: trio.TaskStatus[None]) -> None:
        first = self._created is None
        self._created = created
        self._connects += 1
        self._retries.stands()
        self._rows_kept = max(self._rows_kept, created.rows_received)
        if first:
            self._last_sequence = max(0, created.next_sequence - 1)
            self._rows_sent = created.rows_received
            task_status.started()
        elif created.next_sequence:
            self._drop_until(created.next_sequence - 1)
        else:  # the end of rows is there as well
            self._drop_until(self._last_sequence)
        self._report(self.progress)

    async def _send(self, call: ExportCall, calls: ServiceCalls) -> None:
        await trio.lowlevel.checkpoint()
        sequence = next(iter(self._batches), self._last_sequence + 1)
        try:
            while not self._has_ended or sequence <= self._last_sequence:
                if sequence <= self._last_sequence:
                    await self._send_batch(call, sequence)
                    sequence += 1
                else:
                    await self._wait_for_news()
            await call.finish(self._rows_to_expect())
        except CallEnded:
            return  # the result, or the refusal, is on its way to the receiver
        if self._on_progress is not None:
            await self._watch(calls, self._on_progress)

    async def _send_batch(self, call: ExportCall, sequence: int) -> None:
        await trio.lowlevel.checkpoint()
        encoded = self._batches.get(sequence)
        if encoded is not None:  # it was acknowledged meanwhile
            await call.send_batch(encoded, _SEQUENCE_TAG, varint(sequence))

    async def _wait_for_news(self) -> None:
        with trio.move_on_after(IDLE_SECONDS):
            await self._news.wait()
        if self.on_idle is not None and not self._news.is_set():
            self.on_idle()
        self._news = trio.Event()

    async def _receive(self, call: ExportCall) -> ExportResult:
        while (response := await call.receive()) is not None:
            if response.HasField("ack"):
                self._acknowledged(response.ack)
            elif response.HasField("result"):
                return result_of(response.result, self._metadata.request_id)
        raise UnreachableError("The server ended the export without a result.")

    async def _watch(self, calls: ServiceCalls, tell: Callable[[Progress], None]) -> None:
        """Tell of the task's states; without them the result comes all the same."""
        try:
            async with calls.watch(self.created.task_id) as states:
                async for state in states:
                    tell(self._progress(task_of(state)))
        except RowferryError:
            return

    async def _ended_meanwhile(self, calls: ServiceCalls, refusal: RowferryError) -> ExportResult:
        """Give the result of a task that can't be joined again, since it has ended."""
        task_id = refusal.context.get("task_id") or self.created.task_id
        return result_of_task(task_of(await calls.status(task_id)))

    async def _something_to_send(self) -> None:
        """Wait for what a new connection is worth: one that would idle would end again."""
        while not self._batches and not self._has_ended:
            await self._wait_for_news()

    def _acknowledged(self, ack: pb.BatchAck) -> None:
        if ack.batch_sequence in self._batches:
            self._retries.progressed()
        self._drop_until(ack.batch_sequence)
        self._rows_kept = max(self._rows_kept, ack.rows)
        self._report(self.progress)

    def _drop_until(self, sequence: int) -> None:
        while (first := next(iter(self._batches), None)) is not None and first <= sequence:
            self._bytes -= len(self._batches.pop(first)) + _BATCH_COST_BYTES
        self._room.set()

    def _report(self, progress: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    def _progress(self, task: Task | None) -> Progress:
        return Progress(
            request_id=self._metadata.request_id,
            task_id=self._created.task_id if self._created else "",
            rows_sent=self._rows_sent,
            rows_kept=self._rows_kept,
            reconnects=max(0, self._connects - 1),
            task=task,
        )

    def _rows_to_expect(self) -> int:
        """Give the rows that the service has to have in the end; 0 = it shall not look."""
        return self._rows_sent if self._all_counted and self.takes_rows else 0

    def _seconds_to_wait(self) -> int:
        """Give the contract's ``wait_seconds``: 0 = until a final state, -1 = not at all."""
        if self._wait_seconds == math.inf:
            return 0
        left = min(self._wait_seconds, self._deadline - trio.current_time())
        return math.ceil(left) if left > 0 else -1


@asynccontextmanager
async def open_stream(
    nodes: Nodes,
    metadata: pb.ExportMetadata,
    *,
    retries: Retries,
    wait_seconds: float,
    on_progress: Callable[[Progress], None] | None,
) -> AsyncIterator[RowStream]:
    """Begin an export; leaving the block before its result leaves it open to be resumed."""
    stream = RowStream(
        nodes, metadata, retries, wait_seconds=wait_seconds, on_progress=on_progress
    )
    async with open_plain_nursery() as nursery:
        await nursery.start(stream.run)
        yield stream
        nursery.cancel_scope.cancel()
