"""Connections as sockets: TLS and its refusals, limits, listening and stopping, curl."""

import shutil
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event, StreamEnded
from structlog.testing import capture_logs

from rowferry.wire.connection_limiter import ConnectionLimiter
from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_server import GrpcServer
from rowferry.wire.tls import HTTP_2, TlsFiles, server_tls_context

if TYPE_CHECKING:
    from tests.integration.grpc_transport.conftest import Certificates, Run

HEADERS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/test.Service/unary"),
    (":authority", "test"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
]


Connect = Callable[[str], Awaitable[trio.SocketStream]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open sockets that are closed at the end of the test."""
    opened: list[trio.SocketStream] = []

    async def connect(address: str) -> trio.SocketStream:
        host, port = address.rsplit(":", 1)
        opened.append(await trio.open_tcp_stream(host, int(port)))
        return opened[-1]

    yield connect
    for stream in opened:
        await trio.aclose_forcefully(stream)


async def closed_by_server(stream: trio.abc.ReceiveStream) -> bool:
    """Read to the end; a reset is an end as well."""
    try:
        while await stream.receive_some():
            pass
    except trio.BrokenResourceError:
        pass
    return True


async def say(stream: trio.abc.Stream, message: bytes) -> bytes:
    """Make one unary call; return the body that comes back."""
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    client.send_headers(1, HEADERS)
    client.send_data(1, b"\0" + struct.pack(">I", len(message)) + message, end_stream=True)
    body, events = b"", list[Event]()
    while not any(isinstance(event, StreamEnded) for event in events):
        await stream.send_all(client.data_to_send())
        events = client.receive_data(await stream.receive_some())
        body += b"".join(getattr(event, "data", b"") for event in events)
    return body


def client_context(certificates: "Certificates", *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates.authority_file))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


async def secured(
    stream: trio.SocketStream, context: ssl.SSLContext
) -> "trio.SSLStream[trio.SocketStream]":
    tls_stream = trio.SSLStream(
        stream, context, server_hostname="localhost", https_compatible=True
    )
    await tls_stream.do_handshake()
    return tls_stream


async def test_tls_agrees_on_h2(
    connect: Connect, run: "Run", tls: ssl.SSLContext, certificates: "Certificates"
) -> None:
    async with run(tls=tls) as running:
        stream = await secured(
            await connect(running.address), client_context(certificates, "http/1.1", "h2")
        )
        assert stream.selected_alpn_protocol() == "h2"
        assert (await say(stream, b"hello"))[-5:] == b"hello"


@pytest.mark.parametrize("protocols", [[], ["http/1.1"]])
async def test_tls_without_h2_is_refused(
    connect: Connect,
    run: "Run",
    tls: ssl.SSLContext,
    certificates: "Certificates",
    protocols: list[str],
) -> None:
    async with run(tls=tls) as running:
        with capture_logs() as logs:
            try:
                stream = await secured(
                    await connect(running.address), client_context(certificates, *protocols)
                )
            except trio.BrokenResourceError:
                pass  # OpenSSL may refuse the protocols inside the handshake
            else:
                assert await closed_by_server(stream)
        assert [entry["event"] for entry in logs] == ["GrpcHandshakeFailed"]


async def test_old_tls_is_refused(
    connect: Connect, run: "Run", tls: ssl.SSLContext, certificates: "Certificates"
) -> None:
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2
    context = client_context(certificates, "h2")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    async with run(tls=tls) as running:
        with pytest.raises(trio.BrokenResourceError):
            await secured(await connect(running.address), context)


async def test_a_clear_client_on_a_tls_port_is_dropped(
    connect: Connect, run: "Run", tls: ssl.SSLContext
) -> None:
    async with run(tls=tls) as running:
        stream = await connect(running.address)
        await stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert await closed_by_server(stream)


async def test_a_slow_tls_handshake_is_cut_off(
    connect: Connect, run: "Run", tls: ssl.SSLContext
) -> None:
    async with run(tls=tls, limits=GrpcLimits(handshake_timeout_seconds=0.1)) as running:
        assert await closed_by_server(await connect(running.address))


async def test_a_client_certificate_is_demanded_and_shown_to_handlers(
    connect: Connect, run: "Run", certificates: "Certificates"
) -> None:
    files = TlsFiles(
        certificate=str(certificates.certificate),
        key=str(certificates.key),
        client_ca=str(certificates.authority_file),
        demands_certificate=True,
    )
    demanding = server_tls_context(files, HTTP_2)
    friend = client_context(certificates, "h2")
    certificates.authority.issue_cert("friend@example.org").configure_cert(friend)
    stranger = client_context(certificates, "h2")
    async with run(tls=demanding) as running:
        assert await closed_by_server(await secured(await connect(running.address), stranger))
        await say(await secured(await connect(running.address), friend), b"")
    (shown,) = running.service.certificates
    assert shown["subjectAltName"] == (("email", "friend@example.org"),)


async def test_connections_over_the_limit_are_closed(connect: Connect, run: "Run") -> None:
    async with run(places=ConnectionLimiter("grpc", max_connections=1)) as running:
        first = await connect(running.address)
        assert (await say(first, b"one"))[-3:] == b"one"
        with capture_logs() as logs:
            assert await closed_by_server(await connect(running.address))
        assert [entry["event"] for entry in logs] == ["ConnectionRefused"]
        await first.aclose()


async def test_a_reset_connection_ends_quietly_and_others_go_on(
    connect: Connect, run: "Run"
) -> None:
    async with run() as running:
        with capture_logs() as logs:
            rude = await connect(running.address)
            linger = struct.pack("ii", 1, 0)
            rude.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger)
            await rude.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            await rude.aclose()
            assert (await say(await connect(running.address), b"next"))[-4:] == b"next"
        assert logs == []


async def test_a_stopped_server_listens_no_more_and_returns(connect: Connect) -> None:
    server = GrpcServer([])
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(server.serve, "127.0.0.1", 0)
        idle = await connect(f"{host}:{port}")
        with trio.fail_after(20):
            nursery.start_soon(server.stop, 3)
            assert await closed_by_server(idle)
            await idle.aclose()
    with pytest.raises(OSError, match="connect"):
        await connect(f"{host}:{port}")


async def test_a_handshake_does_not_hold_up_the_end(connect: Connect, tls: ssl.SSLContext) -> None:
    server = GrpcServer([], tls=lambda: tls)
    async with trio.open_nursery() as nursery:
        host, port = await nursery.start(server.serve, "127.0.0.1", 0)
        await connect(f"{host}:{port}")
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(5):
            await server.stop(0)


async def test_a_port_in_use_is_an_error(run: "Run") -> None:
    async with run() as running:
        host, port = running.address.rsplit(":", 1)
        with pytest.raises(OSError, match="in use"):
            await GrpcServer([]).serve(host, int(port))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_gets_the_status_of_a_call(run: "Run") -> None:
    async with run() as running:
        command = ["curl", "-sS", "-i", "--http2-prior-knowledge", "--max-time", "10"]
        command += ["-H", "te: trailers", "-H", "content-type: application/grpc"]
        command += ["--data-binary", "@-", f"http://{running.address}/test.Service/echo"]
        done = await trio.run_process(
            command, stdin=b"\0\0\0\0\2hi", capture_stdout=True, stderr=subprocess.STDOUT
        )
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/2 200")
    assert rest.startswith(b"\0\0\0\0\2hi")
    assert b"grpc-status: 0" in rest


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_learns_why_its_upload_was_refused(run: "Run") -> None:
    async with run(limits=GrpcLimits(max_message_bytes=1_000)) as running:
        command = ["curl", "-sS", "-i", "--http2-prior-knowledge", "--max-time", "10"]
        command += ["-H", "te: trailers", "-H", "content-type: application/grpc"]
        command += ["-T", "-", "-X", "POST", f"http://{running.address}/test.Service/echo"]
        upload = b"\0" + struct.pack(">I", 5_000_000) + bytes(5_000_000)
        done = await trio.run_process(
            command, stdin=upload, capture_stdout=True, capture_stderr=True, check=False
        )
    assert b"grpc-status: 8" in done.stdout
