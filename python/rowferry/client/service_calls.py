"""What the service does for a client, as plain calls."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self, TypeVar

from google.protobuf.message import Message

from rowferry.client.call import Call
from rowferry.client.channel import Channel, open_channel
from rowferry.client.varint import varint
from rowferry.v1 import export_pb2 as pb

_SERVICE: Final = "/rowferry.v1.ExportService/"
_BATCH_TAG: Final = b"\x12"  # ExportRequest.batch: field 2, length-delimited
_Answer = TypeVar("_Answer", bound=Message)


class TaskStates:
    """A task's states as they come: an iterator that ends behind a final one."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> pb.TaskStatus:
        message = await self._call.receive()
        if message is None:
            raise StopAsyncIteration
        return pb.TaskStatus.FromString(message)


class ExportCall:
    """A running Export: batches in, acknowledgements and the result out."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def send_batch(self, *parts: bytes) -> None:
        """Send an encoded RecordBatch, whose fields may come in parts; raise CallEnded."""
        batch = b"".join(parts)
        await self._call.send(_BATCH_TAG + varint(len(batch)) + batch)

    async def finish(self, expected_rows: int = 0) -> None:
        """End the rows, of which there are so many; 0 = nobody counted. Raise CallEnded."""
        if expected_rows:
            finish = pb.Finish(expected_rows=expected_rows)
            await self._call.send(pb.ExportRequest(finish=finish).SerializeToString())
        await self._call.end()

    async def receive(self) -> pb.ExportResponse | None:
        """Give the next response, None behind the last; raise RowferryError for a refusal."""
        message = await self._call.receive()
        return None if message is None else pb.ExportResponse.FromString(message)


class ServiceCalls:
    """Exports and their tasks. ``open_calls`` makes one; calls may run at the same time."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def takes_calls(self) -> bool:
        """Tell whether the connection stands, and the service has not begun to stop."""
        return self._channel.takes_calls

    async def wait_lost(self) -> None:
        """Wait until the connection has ended, by whichever side."""
        await self._channel.wait_lost()

    @asynccontextmanager
    async def open_export(self, metadata: pb.ExportMetadata) -> AsyncIterator[ExportCall]:
        """Begin an export; leaving the block before its result breaks the stream off."""
        async with self._channel.call(_SERVICE + "Export") as call:
            await call.ask(pb.ExportRequest(metadata=metadata).SerializeToString())
            yield ExportCall(call)

    async def status(self, task_id: str) -> pb.TaskStatus:
        """Give a task's state."""
        request = pb.TaskStatusRequest(task_id=task_id)
        return await self._unary("QueryTaskStatus", request, pb.TaskStatus)

    async def list(self, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
        """Give a page of tasks, newest first."""
        return await self._unary("ListTasks", request, pb.ListTasksResponse)

    async def cancel(self, task_id: str, reason: str = "") -> pb.TaskStatus:
        """Cancel a task."""
        request = pb.CancelTaskRequest(task_id=task_id, reason=reason)
        return await self._unary("CancelTask", request, pb.TaskStatus)

    async def create(self, request: pb.CreateExportRequest) -> pb.TaskStatus:
        """Create an export whose rows a data provider of the service has."""
        return await self._unary("CreateExport", request, pb.TaskStatus)

    async def retry(self, task_id: str) -> pb.TaskStatus:
        """Try a failed task again."""
        return await self._unary("RetryTask", pb.RetryTaskRequest(task_id=task_id), pb.TaskStatus)

    async def delete(self, task_id: str) -> pb.TaskStatus:
        """Remove an ended task's file and rows."""
        request = pb.DeleteExportRequest(task_id=task_id)
        return await self._unary("DeleteExport", request, pb.TaskStatus)

    @asynccontextmanager
    async def watch(self, task_id: str, *, min_interval_ms: int = 0) -> AsyncIterator[TaskStates]:
        """Follow a task's states until a final one; leaving the block stops it."""
        request = pb.WatchTaskRequest(task_id=task_id, min_interval_ms=min_interval_ms)
        async with self._channel.call(_SERVICE + "WatchTask") as call:
            await call.ask(request.SerializeToString())
            await call.end()
            yield TaskStates(call)

    async def _unary(self, method: str, request: Message, answer: type[_Answer]) -> _Answer:
        data = await self._channel.unary(_SERVICE + method, request.SerializeToString())
        return answer.FromString(data)


@asynccontextmanager
async def open_calls(
    host: str, port: int, *, tls: ssl.SSLContext | None = None, token: str = ""
) -> AsyncIterator[ServiceCalls]:
    """Connect to a service for the block; raise UnreachableError if it can't be reached.

    Every call shows the ``token``, if there is one.
    """
    async with open_channel(host, port, tls=tls, token=token) as channel:
        yield ServiceCalls(channel)
