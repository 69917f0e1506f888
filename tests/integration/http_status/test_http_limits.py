"""What an HTTP port takes of one peer, and which requests it does not read at all."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio

from rowferry.wire.asgi import Receive, Scope, Send, send_answer
from rowferry.wire.connection_limiter import ConnectionLimiter
from rowferry.wire.http_limits import HttpLimits
from rowferry.wire.http_server import serve_http

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"\r\n"
PATIENCE_SECONDS = 20  # a connection that hangs is told from a slow machine

Connect = Callable[[], Awaitable[trio.SocketStream]]


class Application:
    """Answers with what it has read; a request for ``/refuse`` without reading."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["path"] != "/refuse":
            self.bodies.append(await self._read(receive))
        await send_answer(send, 200, b"hello", "text/plain")

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body", False):
                return bytes(body)


@pytest.fixture
def application() -> Application:
    return Application()


@asynccontextmanager
async def serving(
    application: Application, limits: HttpLimits, places: ConnectionLimiter | None = None
) -> AsyncIterator[Connect]:
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            partial(
                serve_http,
                application,
                "127.0.0.1",
                0,
                shutdown=shutdown,
                limits=limits,
                places=places,
                grace_seconds=1,
            )
        )
        yield partial(trio.open_tcp_stream, *address)
        shutdown.set()


async def said(stream: trio.SocketStream) -> bytes:
    """Read until the server closes."""
    received = b""
    with trio.fail_after(PATIENCE_SECONDS):
        async for block in stream:
            received += block
    return received


async def one_answer(stream: trio.SocketStream) -> None:
    """Read the application's answer and leave the connection open."""
    received = b""
    with trio.fail_after(PATIENCE_SECONDS):
        while not received.endswith(b"hello"):
            received += await stream.receive_some()


async def answer_to(connect: Connect, request: bytes) -> bytes:
    async with await connect() as stream:
        await stream.send_all(request)
        return await said(stream)


DOUBTFUL = {
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "one length twice": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": POST + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": POST + b"Content-Length: +5\r\n\r\nhello",
    "a length and a coding": POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "a coding and a length": POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": POST.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n0\r\n\r\n",
    "a folded line": GET + b"X-One: 1\r\n two\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": POST + b"Content-Length : 5\r\n\r\nhello",
    "a field without a name": GET + b": 1\r\n\r\n",
    "lines that end with LF": GET.replace(b"\r\n", b"\n") + b"\n",
    "one line that ends with LF": GET + b"X-One: 1\nX-Two: 2\r\n\r\n",
    "a bare CR": GET + b"X-One: 1\rX-Two: 2\r\n\r\n",
    "a NUL": GET + b"X-One: \x00\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "a host's label of 64 letters": b"GET / HTTP/1.1\r\nHost: x." + b"y" * 64 + b":80\r\n\r\n",
    "a host's label without letters": b"GET / HTTP/1.1\r\nHost: x..y\r\n\r\n",
    "a host of a dot": b"GET / HTTP/1.1\r\nHost: .\r\n\r\n",
    "a host that is no ASCII": b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n",
    "a chunk's size with a sign": POST + CHUNKED + b"\r\n+5\r\nhello\r\n0\r\n\r\n",
    "a chunk's size with a prefix": POST + CHUNKED + b"\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk that is longer than said": POST + CHUNKED + b"\r\n4\r\nhello\r\n0\r\n\r\n",
    "a chunk's line that ends with LF": POST + CHUNKED + b"\r\n5\nhello\r\n0\r\n\r\n",
    "trailers that end with LF": POST + CHUNKED + b"\r\n0\r\n\nGET /hidden HTTP/1.1\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize(
    "host", [b"x", b"[::1]:80", b"x.", b"y" * 63 + b".x", b"", b" x\t", b"127.0.0.1:9091"]
)
async def test_host_that_is_one_is_let_in(application: Application, host: bytes) -> None:
    async with serving(application, HttpLimits()) as connect, await connect() as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        await one_answer(stream)


@pytest.mark.parametrize("request_bytes", DOUBTFUL.values(), ids=DOUBTFUL)
async def test_request_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection(
    application: Application, request_bytes: bytes
) -> None:
    async with serving(application, HttpLimits(linger_seconds=0.01)) as connect:
        answer = await answer_to(connect, request_bytes + GET.replace(b"/ ", b"/hidden ") + END)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"\r\n\r\n") == 1
    assert b'"code":"INVALID_METADATA"' in answer
    assert not [scope for scope in application.scopes if scope["path"] == "/hidden"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"GET / HTTP/3.7\r\nHost: x\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (GET.replace(b"/ ", b"?a=1 ") + END, 400),
        (GET.replace(b"/ ", b"d/x ") + END, 400),
        (GET.replace(b"/ ", b"http://?a=1 ") + END, 400),
        (GET.replace(b"GET / ", b"CONNECT x:443 ") + END, 400),
        (GET.replace(b"GET", b"get") + END, 400),
        (GET.replace(b"GET", b"head") + END, 400),
        (GET + b"X: " + b"x" * 20_000 + END + END, 431),
        (GET + b"X: " + b"x" * 90_000, 431),
        (GET + b"X: y\r\n" * 200 + END, 431),
        (b"GET /" + b"x" * 90_000, 431),
    ],
)
async def test_what_is_not_spoken_here_or_too_large_gets_its_status(
    application: Application, request_bytes: bytes, status: int
) -> None:
    async with serving(application, HttpLimits(linger_seconds=0.01)) as connect:
        assert (await answer_to(connect, request_bytes)).startswith(b"HTTP/1.1 %d " % status)
    assert application.scopes == []


async def test_refusal_of_head_has_no_body(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(application, HttpLimits()) as connect:
        answer = await answer_to(connect, b"HEAD ?a=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")
    assert not caplog.records


async def test_upgrade_to_http_2_is_ignored(application: Application) -> None:
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    async with serving(application, HttpLimits()) as connect:
        answer = await answer_to(connect, GET + upgrade)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert [scope["http_version"] for scope in application.scopes] == ["1.1"]


async def test_pipelined_requests_are_answered_in_order(application: Application) -> None:
    async with serving(application, HttpLimits()) as connect:
        answer = await answer_to(connect, (GET + END) * 2 + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 3


async def test_client_that_waits_for_100_gets_it_when_its_body_is_wanted(
    application: Application,
) -> None:
    head = b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    async with serving(application, HttpLimits()) as connect, await connect() as stream:
        await stream.send_all(POST + head)
        with trio.fail_after(PATIENCE_SECONDS):
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 100 ")
            await stream.send_all(b"hello")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
    assert application.bodies == [b"hello"]


async def test_client_whose_body_is_not_wanted_is_answered_without_100(
    application: Application,
) -> None:
    head = b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    async with serving(application, HttpLimits(linger_seconds=0.01)) as connect:
        answer = await answer_to(connect, POST.replace(b"/ ", b"/refuse ") + head)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_answer_to_a_body_that_nobody_reads_arrives(application: Application) -> None:
    """The client goes on writing, far past what every buffer on the way holds."""

    async def send_much(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            for _ in range(256):
                await stream.send_all(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    async with (
        serving(application, HttpLimits(linger_seconds=2)) as connect,
        await connect() as stream,
        trio.open_nursery() as nursery,
    ):
        await stream.send_all(POST.replace(b"/ ", b"/refuse ") + CHUNKED + b"\r\n")
        nursery.start_soon(send_much, stream)
        await one_answer(stream)
        nursery.cancel_scope.cancel()


async def test_head_that_comes_byte_by_byte_runs_out_of_time(application: Application) -> None:
    async def drip(stream: trio.SocketStream) -> None:
        for byte in GET + b"X: " + b"y" * 10_000:
            await stream.send_all(bytes([byte]))
            await trio.sleep(0.01)

    limits = HttpLimits(head_timeout_seconds=0.2)
    async with serving(application, limits) as connect, await connect() as stream:
        with trio.fail_after(PATIENCE_SECONDS), pytest.raises(trio.BrokenResourceError):
            await drip(stream)
    assert application.scopes == []


async def test_connection_that_says_nothing_is_closed(application: Application) -> None:
    async with serving(application, HttpLimits(head_timeout_seconds=0.05)) as connect:
        assert await answer_to(connect, b"") == b""


async def test_connection_is_kept_between_requests_for_longer_than_a_head_may_take(
    application: Application,
) -> None:
    limits = HttpLimits(head_timeout_seconds=0.5, keep_alive_seconds=60)
    async with serving(application, limits) as connect, await connect() as stream:
        await stream.send_all(GET + END)
        await one_answer(stream)
        await trio.sleep(0.6)
        await stream.send_all(GET + b"Connection: close\r\n\r\n")
        assert (await said(stream)).endswith(b"hello")


async def test_connection_is_closed_when_no_further_request_comes(
    application: Application,
) -> None:
    limits = HttpLimits(keep_alive_seconds=0.05)
    async with serving(application, limits) as connect, await connect() as stream:
        await stream.send_all(GET + END)
        assert (await said(stream)).endswith(b"hello")


async def test_body_that_stops_coming_ends_the_connection(application: Application) -> None:
    limits = HttpLimits(body_timeout_seconds=0.05, linger_seconds=0.01)
    async with serving(application, limits) as connect:
        await answer_to(connect, POST + b"Content-Length: 5\r\n\r\nhe")
    assert len(application.scopes) == 1


async def test_connections_past_the_limit_are_closed_at_once(application: Application) -> None:
    places = ConnectionLimiter("http", max_connections=2, max_per_address=1)
    async with serving(application, HttpLimits(), places) as connect, await connect() as first:
        await first.send_all(GET + END)
        await one_answer(first)
        assert await answer_to(connect, b"") == b""


async def test_websocket_compression_is_not_agreed_on(application: Application) -> None:
    websocket = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    async with serving(application, HttpLimits()) as connect, await connect() as stream:
        await stream.send_all(GET + websocket)
        with trio.fail_after(PATIENCE_SECONDS):
            await stream.receive_some()
    (scope,) = application.scopes
    assert b"sec-websocket-extensions" not in dict(scope["headers"])
