"""How the listener begins and ends, seen from its sockets."""

import socket
import ssl
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import trio
import trustme

from rowferry.wire.asgi import Receive, Scope, Send, send_answer
from rowferry.wire.http_connection import HttpConnection
from rowferry.wire.http_server import serve_http
from rowferry.wire.tls import HTTP_1, ServerTls, TlsFiles

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Application:
    """Answers "hello" once it may; ``reached`` tells that a request is in it."""

    def __init__(self) -> None:
        self.reached = trio.Event()
        self.may_answer = trio.Event()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.reached.set()
        await self.may_answer.wait()
        await send_answer(send, 200, b"hello", "text/plain")


@pytest.fixture
def application() -> Application:
    return Application()


async def read_to_the_end(stream: trio.abc.ReceiveStream) -> bytes:
    received = b""
    with trio.fail_after(20):
        while block := await stream.receive_some():
            received += block
    return received


async def test_request_in_flight_ends_before_the_listener(application: Application) -> None:
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(
            partial(serve_http, application, "127.0.0.1", 0, shutdown=shutdown)
        )
        async with await trio.open_tcp_stream(host, port) as stream:
            await stream.send_all(REQUEST)
            await application.reached.wait()
            shutdown.set()
            await trio.testing.wait_all_tasks_blocked(0.01)
            with pytest.raises(OSError, match="all attempts"):
                await trio.open_tcp_stream(host, port)
            application.may_answer.set()
            assert (await read_to_the_end(stream)).endswith(b"hello")


async def test_idle_connection_closes_at_once(application: Application) -> None:
    application.may_answer.set()
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(
            partial(serve_http, application, "127.0.0.1", 0, shutdown=shutdown, grace_seconds=1e9)
        )
        async with await trio.open_tcp_stream(host, port) as stream:
            await stream.send_all(REQUEST)
            await stream.receive_some()
            shutdown.set()
            await read_to_the_end(stream)


async def test_request_that_never_ends_is_broken_off_after_the_grace(
    application: Application,
) -> None:
    shutdown = trio.Event()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            host, port = await nursery.start(
                partial(
                    serve_http, application, "127.0.0.1", 0, shutdown=shutdown, grace_seconds=0.01
                )
            )
            stream = await trio.open_tcp_stream(host, port)
            await stream.send_all(REQUEST)
            await application.reached.wait()
            shutdown.set()
    with suppress(trio.BrokenResourceError):  # or the end: both say that it is over
        assert await stream.receive_some() == b""
    await stream.aclose()


async def test_cancelled_listener_breaks_its_connections(application: Application) -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            host, port = await nursery.start(
                partial(serve_http, application, "127.0.0.1", 0, shutdown=trio.Event())
            )
            stream = await trio.open_tcp_stream(host, port)
            await stream.send_all(REQUEST)
            await application.reached.wait()
            nursery.cancel_scope.cancel()
    await stream.aclose()


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET " + b"x" * 70_000]
)
async def test_garbage_ends_its_own_connection_only(
    application: Application, garbage: bytes
) -> None:
    application.may_answer.set()
    async with trio.open_nursery() as nursery:
        shutdown = trio.Event()
        host, port = await nursery.start(
            partial(serve_http, application, "127.0.0.1", 0, shutdown=shutdown)
        )
        async with await trio.open_tcp_stream(host, port) as stream:
            await stream.send_all(garbage)
            await read_to_the_end(stream)
        async with await trio.open_tcp_stream(host, port) as stream:
            await stream.send_all(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert (await read_to_the_end(stream)).endswith(b"hello")
        shutdown.set()


async def test_connection_that_resets_ends_alone(application: Application) -> None:
    async with trio.open_nursery() as nursery:
        shutdown = trio.Event()
        host, port = await nursery.start(
            partial(serve_http, application, "127.0.0.1", 0, shutdown=shutdown)
        )
        stream = await trio.open_tcp_stream(host, port)
        await stream.send_all(REQUEST)
        await application.reached.wait()
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, 0 s: close sends RST
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await stream.aclose()
        application.may_answer.set()
        async with await trio.open_tcp_stream(host, port) as other:
            await other.send_all(REQUEST)
            assert b"200" in await other.receive_some()
        shutdown.set()


@pytest.mark.parametrize("failure", [ValueError("a defect"), trio.BrokenResourceError()])
async def test_connection_that_fails_inside_the_server_ends_alone(
    application: Application,
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_connection: HttpConnection) -> None:
        await trio.lowlevel.checkpoint()
        raise failure

    monkeypatch.setattr(HttpConnection, "run", fail)
    async with trio.open_nursery() as nursery:
        shutdown = trio.Event()
        host, port = await nursery.start(
            partial(serve_http, application, "127.0.0.1", 0, shutdown=shutdown)
        )
        for _ in range(2):
            async with await trio.open_tcp_stream(host, port) as stream:
                assert await read_to_the_end(stream) == b""
        shutdown.set()
    # a client that went away is nothing to tell of
    assert len(caplog.records) == (2 if isinstance(failure, ValueError) else 0)


async def test_port_that_is_taken_is_an_error(application: Application) -> None:
    async with trio.open_nursery() as nursery:
        shutdown = trio.Event()
        host, port = await nursery.start(
            partial(serve_http, application, "127.0.0.1", 0, shutdown=shutdown)
        )
        with pytest.raises(OSError, match="in use"):
            await serve_http(application, host, port, shutdown=trio.Event())
        shutdown.set()


def issue(authority: trustme.CA, folder: Path) -> TlsFiles:
    issued = authority.issue_cert("localhost")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    key.write_bytes(issued.private_key_pem.bytes())
    certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    return TlsFiles(certificate=str(certificate), key=str(key))


async def test_tls_speaks_http_1_1_under_the_given_certificate(
    application: Application, tmp_path: Path
) -> None:
    application.may_answer.set()
    authority = trustme.CA()
    files = issue(authority, tmp_path)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    trusting.set_alpn_protocols(["h2", "http/1.1"])
    async with trio.open_nursery() as nursery:
        shutdown = trio.Event()
        host, port = await nursery.start(
            partial(
                serve_http,
                application,
                "127.0.0.1",
                0,
                shutdown=shutdown,
                tls=ServerTls(files, HTTP_1),
            )
        )
        transport = await trio.open_tcp_stream(host, port)
        stream = trio.SSLStream(
            transport, trusting, server_hostname="localhost", https_compatible=True
        )
        await stream.send_all(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert (await read_to_the_end(stream)).endswith(b"hello")
        assert stream.selected_alpn_protocol() == "http/1.1"
        await stream.aclose()
        # a client that speaks no TLS harms nobody
        async with await trio.open_tcp_stream(host, port) as plain:
            await plain.send_all(REQUEST)
            await read_to_the_end(plain)
        shutdown.set()
