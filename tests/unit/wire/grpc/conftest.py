"""A server in memory, and an HTTP/2 client that says exactly what a test tells it to."""

import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pytest
import trio
from grpclib.const import Cardinality, Handler
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from hyperframe.frame import Frame, GoAwayFrame
from trio.testing import memory_stream_pair

from rowferry.wire.grpc_failure import Translate, plain_translation
from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_server import GrpcServer
from rowferry.wire.grpc_stream import CallStream
from tests.bytes_codec import BytesCodec

HandlerFunction = Callable[[CallStream], Awaitable[None]]
SomeEvent = TypeVar("SomeEvent", bound=Event)


class OneMethod:
    """A service whose only method, /test.Service/Call, is the test's own function."""

    def __init__(self, function: HandlerFunction, cardinality: Cardinality) -> None:
        self._handler = Handler(function, cardinality, bytes, bytes)

    def __mapping__(self) -> dict[str, Handler]:
        return {"/test.Service/Call": self._handler}


@dataclass
class Reply:
    """What came back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    reset_code: int | None = None

    @property
    def status(self) -> int:
        return int(self.trailers["grpc-status"])

    @property
    def messages(self) -> list[bytes]:
        found, body = [], self.body
        while body:
            _, length = struct.unpack(">BI", body[:5])
            found.append(body[5 : 5 + length])
            body = body[5 + length :]
        return found


class RawClient:
    """An h2 client on one stream; everything is sent only by ``flush`` and the awaitables."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self.stream = stream
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
        self.unread: list[Event] = []
        self.goodbyes: list[GoAwayFrame] = []
        # h2 ends the connection at a GOAWAY; a gRPC client goes on, and so does this one.
        self.h2._frame_dispatch_table[GoAwayFrame] = self._hear_goodbye  # noqa: SLF001

    def _hear_goodbye(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        self.goodbyes.append(frame)
        return [], []

    async def greet(self) -> None:
        self.h2.initiate_connection()
        await self.flush()

    async def flush(self) -> None:
        await self.stream.send_all(self.h2.data_to_send())

    async def send_frames(self, frames: Iterable[Frame | bytes]) -> None:
        await self.flush()
        await self.stream.send_all(
            b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in frames)
        )

    async def frames_to_end(self) -> list[Frame]:
        """Return every frame up to the end of the connection, unseen by h2."""
        said = bytearray()
        while data := await self.stream.receive_some():
            said += data
        await self.stream.aclose()
        return list(_frames(memoryview(said)))

    async def goodbye_code(self) -> int:
        """Return the error code of the GOAWAY that must be the last frame."""
        last = (await self.frames_to_end())[-1]
        assert isinstance(last, GoAwayFrame)
        return last.error_code

    async def receive(self) -> bool:
        data = await self.stream.receive_some()
        self.unread += self.h2.receive_data(data)
        return bool(data)

    async def next_event(self, kind: type[SomeEvent]) -> SomeEvent:
        """Return the first event of a kind, dropping those before it."""
        while True:
            while self.unread:
                event = self.unread.pop(0)
                if isinstance(event, kind):
                    return event
            assert await self.receive(), f"the server closed before {kind.__name__}"
            await self.flush()

    async def call(
        self,
        body: bytes | None = None,
        *,
        end: bool = True,
        headers: Mapping[str, str | None] | None = None,
    ) -> int:
        """Open a call; a header given as None is left out."""
        stream_id = self.h2.get_next_available_stream_id()
        merged: dict[str, str | None] = {
            ":method": "POST",
            ":scheme": "http",
            ":path": "/test.Service/Call",
            ":authority": "test",
            "te": "trailers",
            "content-type": "application/grpc",
        }
        merged.update(headers or {})
        sent = [(name, value) for name, value in merged.items() if value is not None]
        self.h2.send_headers(stream_id, sent, end_stream=end and body is None)
        if body is not None:
            await self.send(stream_id, body, end=end)
        await self.flush()
        return stream_id

    async def send(self, stream_id: int, body: bytes, *, end: bool = False) -> None:
        """Send body bytes, as many frames as it takes, waiting for the windows."""
        while body:
            room = min(self.h2.local_flow_control_window(stream_id), 16_384)
            if not room:
                await self.flush()
                assert await self.receive()
                continue
            self.h2.send_data(stream_id, body[:room])
            body = body[room:]
        if end:
            self.h2.end_stream(stream_id)
        await self.flush()

    async def reply(self, stream_id: int) -> Reply:
        """Read until the stream is over."""
        reply = Reply()
        while not self._take_reply(stream_id, reply):
            await self.flush()
            assert await self.receive(), "the server closed before the end of the stream"
        return reply

    def _take_reply(self, stream_id: int, reply: Reply) -> bool:
        rest: list[Event] = []
        over = False
        for event in self.unread:
            if getattr(event, "stream_id", None) != stream_id:
                rest.append(event)
                continue
            match event:
                case ResponseReceived():
                    reply.headers = _fields(event.headers)
                    reply.trailers = reply.headers
                case TrailersReceived():
                    reply.trailers = _fields(event.headers)
                case DataReceived():
                    reply.body += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream_id)
                case StreamEnded():
                    over = True
                case StreamReset():
                    reply.reset_code = int(event.error_code)
                    over = True
                case _:
                    pass  # priorities and windows are no part of a reply
        self.unread = rest
        return over


def _frames(said: memoryview) -> Iterator[Frame]:
    while said:
        frame, length = Frame.parse_frame_header(said[:9])
        frame.parse_body(said[9 : 9 + length])
        yield frame
        said = said[9 + length :]


def _fields(headers: Sequence[Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in headers}


class Connect(Protocol):
    """Starts a server for one handler and returns a client that has greeted it."""

    async def __call__(
        self,
        handler: HandlerFunction,
        *,
        cardinality: Cardinality = Cardinality.STREAM_STREAM,
        limits: GrpcLimits | None = None,
        translate: Translate = plain_translation,
    ) -> tuple[GrpcServer, RawClient]: ...


@pytest.fixture
def connect(nursery: trio.Nursery) -> Connect:
    async def connect(
        handler: HandlerFunction,
        *,
        cardinality: Cardinality = Cardinality.STREAM_STREAM,
        limits: GrpcLimits | None = None,
        translate: Translate = plain_translation,
    ) -> tuple[GrpcServer, RawClient]:
        server = GrpcServer(
            [OneMethod(handler, cardinality)],
            codec=BytesCodec(),
            limits=limits,
            translate=translate,
        )
        client_end, server_end = memory_stream_pair()
        nursery.start_soon(server.serve_stream, server_end)
        client = RawClient(client_end)
        await client.greet()
        return server, client

    return connect
