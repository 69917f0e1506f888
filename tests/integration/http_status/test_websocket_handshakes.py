"""Opening handshakes of WebSockets on an HTTP port: each is answered once, and waited for."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from rowferry.wire.asgi import Receive, Scope, Send
from rowferry.wire.http_server import serve_http
from rowferry.wire.strict_http import MAX_PINGS_PER_SECOND

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
END = b"\r\n"
FRAME = b"\x81\x80\0\0\0\0"  # an empty text, masked by zeros
PING = b"\x89\x80\0\0\0\0"
PONG = b"\x8a\0"
POLICY_VIOLATION = b"\x03\xf0"  # 1008
CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"

Connect = Callable[[], Awaitable[trio.SocketStream]]


class Listener:
    """Accepts once it may; keeps what it hears, and is told when the peer has left."""

    def __init__(self) -> None:
        self.may_accept = trio.Event()
        self.begun = trio.Event()
        self.left = trio.Event()
        self.heard: list[str] = []
        self.refuses = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.set()
        await self.may_accept.wait()
        if self.refuses:
            start = {"type": "websocket.http.response.start", "status": 401, "headers": []}
            await send(start)
            await send({"type": "websocket.http.response.body", "body": b"no"})
            return
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] != "websocket.disconnect":
            self.heard.append(event["type"])
        self.left.set()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@asynccontextmanager
async def serving(listener: Listener) -> AsyncIterator[Connect]:
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        serve = partial(serve_http, listener, "127.0.0.1", 0, shutdown=shutdown)
        address = await nursery.start(serve)
        with trio.fail_after(20):
            yield partial(trio.open_tcp_stream, *address)
        shutdown.set()


async def said(stream: trio.SocketStream) -> bytes:
    """Read until the server closes."""
    return b"".join([bytes(block) async for block in stream])


def assert_refused(answer: bytes) -> None:
    """One answer, in the service's words, and nothing behind it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == "INVALID_METADATA"


async def test_bytes_before_the_answer_are_refused_once_and_end_the_connection(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.may_accept.set()
    async with serving(listener) as connect, await connect() as stream:
        await stream.send_all(HANDSHAKE + END + FRAME)
        assert_refused(await said(stream))
        await listener.left.wait()
    assert not caplog.records


async def test_bytes_while_the_application_makes_up_its_mind_are_refused(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(listener) as connect, await connect() as stream:
        await stream.send_all(HANDSHAKE + END)
        await listener.begun.wait()
        await stream.send_all(FRAME)
        answer = bytearray(await stream.receive_some())
        listener.may_accept.set()
        answer += await said(stream)
        assert_refused(bytes(answer))
        await listener.left.wait()
    assert not caplog.records


async def test_bytes_behind_the_applications_refusal_change_nothing(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.refuses = True
    listener.may_accept.set()
    async with serving(listener) as connect, await connect() as stream:
        await stream.send_all(HANDSHAKE + END)
        answer = bytearray(await stream.receive_some())
        await stream.send_all(FRAME)
        answer += await said(stream)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert not caplog.records


async def test_bytes_behind_the_answer_are_heard(listener: Listener) -> None:
    listener.may_accept.set()
    async with serving(listener) as connect, await connect() as stream:
        await stream.send_all(HANDSHAKE + END)
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
        await stream.send_all(FRAME + CLOSE)
        await said(stream)
        await listener.left.wait()
    assert listener.heard == ["websocket.connect", "websocket.receive"]


@pytest.mark.parametrize(
    "handshake",
    [
        HANDSHAKE + b"Sec-WebSocket-Protocol: \xff\r\n",
        HANDSHAKE.replace(b"Connection: ", b"Connection: \xe4, "),
        HANDSHAKE.replace(b"Connection: ", b"Connection: \x85"),
        HANDSHAKE.replace(b"Connection: ", b"Connection: \x1f"),
        HANDSHAKE.replace(b"Version: 13", b"Version: 12"),
    ],
    ids=[
        "subprotocol that is no text",
        "connection that is no text",
        "space of Latin-1",
        "space of Unicode",
        "another version",
    ],
)
async def test_handshake_that_is_no_good_is_refused_and_ends_the_connection(
    listener: Listener, handshake: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(listener) as connect, await connect() as stream:
        await stream.send_all(handshake + END)
        assert_refused(await said(stream))
    assert not listener.begun.is_set()
    assert not caplog.records


async def test_peer_that_pings_without_end_is_let_go(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.may_accept.set()
    async with serving(listener) as connect, await connect() as stream:
        await stream.send_all(HANDSHAKE + END)
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
        await stream.send_all(PING * MAX_PINGS_PER_SECOND)
        await stream.send_all(PING * (MAX_PINGS_PER_SECOND + 1))  # in two seconds at most
        pongs, close, _ = (await said(stream)).partition(POLICY_VIOLATION)
        assert close
        assert MAX_PINGS_PER_SECOND <= pongs.count(PONG) <= 2 * MAX_PINGS_PER_SECOND
        await listener.left.wait()
    assert not caplog.records
