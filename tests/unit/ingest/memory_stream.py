"""A call's stream in memory: what a client sends is put in, what it gets is looked at."""

import math
from collections.abc import Mapping
from typing import Any, Final, cast

import trio
from google.protobuf.message import Message

from rowferry.ingest.row_stream import LAST_OF_BODY, RowStream
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.grpc_stream import CallStream
from rowferry.wire.message_admission import MessageAdmission
from rowferry.wire.request_codec import RawBatch
from tests.record_batches import Row, encode_rows

STALL: Final = "the rest of this message never comes"


class MemoryStream:
    """The part of ``CallStream`` that the rows' door uses."""

    def __init__(self) -> None:
        self.body_admission: MessageAdmission | None = None
        self.sent: list[Any] = []
        self.headers_sent = False
        self._reads = trio.Event()
        self._reads.set()
        self._client, self._body = trio.open_memory_channel[tuple[int, object]](math.inf)

    # The client's side.

    def put(self, message: object, size_bytes: int = 100) -> None:
        """Send a message; an exception is raised in its place, ``STALL`` never ends."""
        self._client.send_nowait((size_bytes, message))

    def put_metadata(self, **fields: object) -> None:
        """Begin an export of two columns."""
        columns = [pb.ColumnDefinition(name="id", data_type=pb.NUMBER)]
        columns.append(pb.ColumnDefinition(name="name"))
        defaults: dict[str, object] = {"request_id": "request", "format": pb.CSV}
        named = defaults | {"filename": "orders", "columns": columns} | fields
        self.put(pb.ExportRequest(metadata=pb.ExportMetadata(**named)))  # type: ignore[arg-type]

    def put_rows(self, *rows: Row, sequence: int = 0, size_bytes: int = 100) -> None:
        """Send a batch."""
        self.put(RawBatch(encode_rows(rows, sequence), 0), size_bytes)

    def finish(self, expected_rows: int = 0) -> None:
        """Say that the rows have ended."""
        self.put(pb.ExportRequest(finish=pb.Finish(expected_rows=expected_rows)))

    def end_body(self) -> None:
        """Say that this request has no more rows, though others may."""
        self.put(LAST_OF_BODY)

    def put_resume(self, task_id: str) -> None:
        """Go on with a task."""
        self.put(pb.ExportRequest(resume=pb.Resume(task_id=task_id)))

    def half_close(self) -> None:
        self._client.close()

    def stop_reading(self) -> None:
        self._reads = trio.Event()

    def read_on(self) -> None:
        self._reads.set()

    @property
    def unread(self) -> int:
        """Messages that the service has not taken."""
        return self._body.statistics().current_buffer_used

    def responses(self, payload: str) -> list[Any]:
        return [getattr(m, payload) for m in self.sent if m.WhichOneof("payload") == payload]

    def as_call(self) -> CallStream:
        return cast("CallStream", self)

    def as_rows(self) -> RowStream:
        return cast("RowStream", self)

    # The service's side.

    async def send_initial_metadata(self, *, metadata: Mapping[str, str] | None = None) -> None:
        await trio.lowlevel.checkpoint()
        assert metadata is None
        self.headers_sent = True

    async def recv_message(self) -> object:
        try:
            size_bytes, message = await self._body.receive()
        except trio.EndOfChannel:
            return None
        assert self.body_admission is not None
        if message is STALL:
            await self.body_admission.admit_rest(size_bytes, lambda: 0)
            await trio.sleep_forever()
        await self.body_admission.admit(size_bytes)
        if isinstance(message, Exception):
            raise message
        return message

    def buffered_message_ready(self) -> bool:
        return self.unread > 0

    async def wait_writable(self) -> None:
        await self._reads.wait()

    async def send_message(self, message: Message) -> None:
        await self._reads.wait()
        await trio.lowlevel.checkpoint()
        self.sent.append(message)
