"""Every call of every door, so that each can be tried by callers that may not make it.

The tables are compared with what the service really has: a call that is missing here fails a
test.
"""

import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import trio
from google.protobuf.message import Message
from grpclib.reflection.v1 import reflection_pb2
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    RejectConnection,
    Request,
    TextMessage,
)

from rowferry.client import RowferryError
from rowferry.client.channel import open_channel
from rowferry.v1 import export_pb2 as pb

TASK: Final = "{task_id}"
_SERVICE: Final = "/rowferry.v1.ExportService/"


def _reflection(task_id: str) -> Message:
    del task_id
    return reflection_pb2.ServerReflectionRequest(list_services="")


# In an order in which the owner can make them all: what ends a task comes last.
GRPC_CALLS: Final = {
    f"{_SERVICE}QueryTaskStatus": lambda task: pb.TaskStatusRequest(task_id=task),
    f"{_SERVICE}ListTasks": lambda _: pb.ListTasksRequest(),
    f"{_SERVICE}WatchTask": lambda task: pb.WatchTaskRequest(task_id=task),
    f"{_SERVICE}Export": lambda task: pb.ExportRequest(resume=pb.Resume(task_id=task)),
    f"{_SERVICE}Upload": lambda task: pb.ExportRequest(resume=pb.Resume(task_id=task)),
    f"{_SERVICE}CreateExport": lambda _: pb.CreateExportRequest(
        metadata=pb.ExportMetadata(request_id="pulled", format=pb.CSV), provider="none"
    ),
    f"{_SERVICE}RetryTask": lambda task: pb.RetryTaskRequest(task_id=task),
    f"{_SERVICE}CancelTask": lambda task: pb.CancelTaskRequest(task_id=task),
    f"{_SERVICE}DeleteExport": lambda task: pb.DeleteExportRequest(task_id=task),
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _reflection,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _reflection,
}
GRPC_OPEN_TO_ALL: Final = {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}
# what these answer does not hang on a task
GRPC_OF_NO_TASK: Final = {call for call in GRPC_CALLS if "Task" not in call} - {
    f"{_SERVICE}Export",
    f"{_SERVICE}Upload",
    f"{_SERVICE}DeleteExport",
} | {f"{_SERVICE}ListTasks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A request; ``{task_id}`` in its path stands for a task."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_of_task(self) -> bool:
        return TASK in self.path


_JSON: Final = {"content-type": "application/json"}
_CSV: Final = {"content-type": "text/csv"}
HTTP_CALLS: Final = (
    HttpCall(method="GET", path="/v1/exports"),
    HttpCall(method="POST", path="/v1/exports", headers=_JSON, body=b'{"provider": "none"}'),
    HttpCall(method="POST", path="/v1/export", query="format=pdf", headers=_CSV, body=b"a\n"),
    HttpCall(method="GET", path="/v1/exports/{task_id}"),
    HttpCall(method="GET", path="/v1/exports/{task_id}/events"),
    HttpCall(method="HEAD", path="/v1/exports/{task_id}/rows"),
    HttpCall(method="PUT", path="/v1/exports/{task_id}/rows", headers=_CSV, body=b"1,a\n"),
    HttpCall(method="POST", path="/v1/exports/{task_id}/finish", headers=_JSON, body=b"{}"),
    HttpCall(method="POST", path="/v1/exports/{task_id}/retry"),
    HttpCall(method="POST", path="/v1/exports/{task_id}/cancel"),
    HttpCall(method="DELETE", path="/v1/exports/{task_id}"),
)


async def call_grpc(
    address: str, path: str, request: Message, token: str, tls: ssl.SSLContext | None = None
) -> tuple[str, Sequence[bytes]]:
    """Make a call; give its code, "OK" if it has none, and the messages that came before."""
    host, _, port = address.rpartition(":")
    answers: list[bytes] = []
    async with open_channel(host, int(port), token=token, tls=tls) as channel:
        try:
            async with channel.call(path) as call:
                await call.send(request.SerializeToString())
                await call.end()
                while (answer := await call.receive()) is not None:
                    answers.append(answer)
        except RowferryError as refusal:
            return refusal.code, answers
    return "OK", answers


async def _dialled(address: str, tls: ssl.SSLContext | None) -> trio.abc.Stream:
    host, _, port = address.rpartition(":")
    stream = await trio.open_tcp_stream(host, int(port))
    if tls is None:
        return stream
    return trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)


async def call_http(
    address: str, call: HttpCall, task_id: str, token: str, tls: ssl.SSLContext | None = None
) -> tuple[int, bytes]:
    """Make a request on a connection of its own; give the status, 0 for none, and the body."""
    query = f"?{call.query}" if call.query else ""
    lines = [f"{call.method} {call.path.replace(TASK, task_id)}{query} HTTP/1.1"]
    fields = {"host": address, "connection": "close", "content-length": str(len(call.body))}
    fields |= call.headers
    if token:
        fields["authorization"] = f"Bearer {token}"
    lines += [f"{name}: {value}" for name, value in fields.items()]
    async with await _dialled(address, tls) as stream:
        await stream.send_all("\r\n".join([*lines, "", ""]).encode() + call.body)
        received = await _read_to_end(stream)
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


async def _read_to_end(stream: trio.abc.Stream) -> bytes:
    received = b""
    with suppress(trio.BrokenResourceError):
        while part := await stream.receive_some(2**16):
            received += part
    return received


def error_code(body: bytes) -> str:
    """Give the code of a JSON error, chunked or not."""
    start, end = body.find(b"{"), body.rfind(b"}")
    if start < 0:
        return ""
    document = json.loads(body[start : end + 1])
    return str(document.get("error", {}).get("code", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketCall:
    """A WebSocket's address, and a message that asks for a task there."""

    port: str  # of the service's addresses
    path: str
    subprotocol: str
    asks: Mapping[str, object]


WEBSOCKET_CALLS: Final = (
    WebSocketCall(
        port="http",
        path="/v1/progress",
        subprotocol="rowferry.progress.v1",
        asks={"type": "subscribe", "task_ids": [TASK]},
    ),
    WebSocketCall(
        port="websocket",
        path="/v1/ingest",
        subprotocol="rowferry.ingest.v1",
        asks={"type": "resume", "task_id": TASK},
    ),
)


async def call_websocket(
    address: str,
    call: WebSocketCall,
    task_id: str,
    token: str,
    tls: ssl.SSLContext | None = None,
    *,
    by_message: bool = False,
) -> str:
    """Ask for a task; give the first error's code, the type of what names it, or the end.

    The token is shown by a subprotocol, or ``by_message``.
    """
    is_offered = token and not by_message
    offered = [call.subprotocol, *([f"rowferry.token.{token}"] if is_offered else [])]
    protocol = WSConnection(ConnectionType.CLIENT)
    opening = Request(host=address, target=call.path, subprotocols=offered)
    async with await _dialled(address, tls) as stream:
        await stream.send_all(protocol.send(opening))
        while received := bytes(await stream.receive_some()):
            protocol.receive_data(received)
            for event in protocol.events():
                match event:
                    case RejectConnection():
                        return f"rejected {event.status_code}"
                    case AcceptConnection():
                        if by_message:
                            shown = json.dumps({"type": "auth", "token": token})
                            await stream.send_all(protocol.send(TextMessage(data=shown)))
                        asks = json.dumps(call.asks).replace(TASK, task_id)
                        await stream.send_all(protocol.send(TextMessage(data=asks)))
                    case TextMessage():
                        message = json.loads(event.data)
                        if "error" in message:
                            return str(message["error"]["code"])
                        if task_id in event.data:
                            return str(message["type"])
                    case CloseConnection():
                        return f"closed {event.code}"
                    case _:
                        pass  # of keeping the connection up
    return "gone"
