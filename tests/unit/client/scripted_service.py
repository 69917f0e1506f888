"""A service in memory that takes rows as a script says: it refuses, is silent, is cut off."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from rowferry.client.call import CallEnded
from rowferry.client.errors import RowferryError, UnreachableError
from rowferry.client.service_calls import ExportCall, ServiceCalls, TaskStates
from rowferry.v1 import export_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What becomes of one connection."""

    refused: RowferryError | None = None
    """Instead of the task."""
    lost_after: int | None = None
    """Batches that come before it is lost; that many are kept, the last one unacknowledged."""
    lost_with: RowferryError | None = None
    """How it is lost: broken, if nothing else is said."""
    acknowledges: bool = True
    ends_lost: bool = False
    """The result does not come any more."""
    result_after: float = 0
    """Seconds."""


class ScriptedService(ServiceCalls):
    """The service and the way to it (``Nodes``). Connections behind the script are good ones."""

    def __init__(self, script: Iterable[Connection] = ()) -> None:
        self.script = list(script)
        self.nodes: list[str] = []
        self.batches: list[pb.RecordBatch] = []
        self.finished_with: int | None = None
        self.wait_seconds: list[int] = []
        self.final = pb.TaskStatus(task_id="t", status=pb.COMPLETED)
        self.states: list[pb.TaskStatus] = []
        self.earlier_rows = 0
        self.earlier_batches = 0
        self.batch_came = trio.Event()
        self._calls: list[_ScriptedCall] = []

    async def calls(self, node: str = "") -> ServiceCalls:
        await trio.lowlevel.checkpoint()
        self.nodes.append(node)
        return self

    @property
    def rows(self) -> list[bytes]:
        """The packed rows that were kept, batch by batch."""
        return [batch.json_rows for batch in self.batches]

    def lose(self) -> None:
        """Cut the connection that there is."""
        self._calls[-1].lose()

    @asynccontextmanager
    async def open_export(self, metadata: pb.ExportMetadata) -> AsyncIterator[ExportCall]:
        self.wait_seconds.append(metadata.wait_seconds)
        connection = self.script.pop(0) if self.script else Connection()
        self._calls.append(_ScriptedCall(self, connection))
        yield self._calls[-1]

    @asynccontextmanager
    async def watch(self, task_id: str, *, min_interval_ms: int = 0) -> AsyncIterator[TaskStates]:
        del min_interval_ms
        assert task_id == "t"
        yield _ScriptedStates(self.states)

    async def status(self, task_id: str) -> pb.TaskStatus:
        await trio.lowlevel.checkpoint()
        assert task_id == "t"
        return self.final


class _ScriptedStates(TaskStates):
    def __init__(self, states: Iterable[pb.TaskStatus]) -> None:
        self._left = list(states)

    async def __anext__(self) -> pb.TaskStatus:
        await trio.lowlevel.checkpoint()
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop(0)


class _ScriptedCall(ExportCall):
    def __init__(self, service: ScriptedService, connection: Connection) -> None:
        self._service = service
        self._connection = connection
        self._left = connection.lost_after
        self._lost = False
        self._answers, self._received = trio.open_memory_channel[pb.ExportResponse](1000)
        ended = service.finished_with is not None
        following = service.earlier_batches + len(service.batches) + 1
        created = pb.TaskCreated(
            task_id="t",
            next_sequence=0 if ended else following,
            rows_received=service.earlier_rows,
            max_message_bytes=2**21,
        )
        if connection.refused is None:
            self._answers.send_nowait(pb.ExportResponse(task_created=created))

    async def send_batch(self, *parts: bytes) -> None:
        await trio.lowlevel.checkpoint()
        batch = pb.RecordBatch.FromString(b"".join(parts))
        self._lose_perhaps()
        service = self._service
        following = service.earlier_batches + len(service.batches) + 1
        assert batch.batch_sequence <= following, "a gap"
        if batch.batch_sequence == following:
            service.batches.append(batch)
        service.batch_came.set()
        if self._connection.acknowledges:
            ack = pb.BatchAck(batch_sequence=batch.batch_sequence)
            self._answers.send_nowait(pb.ExportResponse(ack=ack))

    async def finish(self, expected_rows: int = 0) -> None:
        await trio.lowlevel.checkpoint()
        self._lose_perhaps()
        self._service.finished_with = expected_rows
        if self._connection.ends_lost:
            self._answers.close()
            self._lost = True
            return
        result = pb.ExportResult(task_id="t", status=pb.COMPLETED, oss_url="link")
        self._answers.send_nowait(pb.ExportResponse(result=result))

    async def receive(self) -> pb.ExportResponse | None:
        if self._connection.refused is not None:
            raise self._connection.refused
        try:
            response = await self._received.receive()
            if response.HasField("result"):
                await trio.sleep(self._connection.result_after)
            return response  # noqa: TRY300
        except trio.EndOfChannel:
            raise self._connection.lost_with or UnreachableError("Cut.") from None

    def lose(self) -> None:
        """Cut it."""
        self._lost = True
        self._answers.close()

    def _lose_perhaps(self) -> None:
        if self._left == 0:
            self.lose()
        if self._lost:
            raise CallEnded
        if self._left is not None:
            self._left -= 1
