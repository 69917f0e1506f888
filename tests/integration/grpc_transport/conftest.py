"""Servers on real sockets, in the clear and over TLS, with one service for all tests."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio
import trustme
from grpclib.const import Cardinality, Handler

from rowferry.wire.connection_limiter import ConnectionLimiter
from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_server import GrpcServer
from rowferry.wire.grpc_stream import CallStream
from rowferry.wire.tls import HTTP_2, TlsFiles, server_tls_context
from tests.bytes_codec import BytesCodec


class TestService:
    """A method of each kind, and what its handlers saw."""

    __test__ = False

    def __init__(self) -> None:
        self.cancelled = trio.Event()
        self.peers: list[str] = []
        self.certificates: list[Any] = []

    async def unary(self, stream: CallStream) -> None:
        self.peers.append(stream.peer_address)
        self.certificates.append(stream.peer.cert())
        message = await stream.recv_message()
        assert stream.metadata is not None
        await stream.send_initial_metadata(metadata={"seen": str(stream.metadata.get("x", "-"))})
        await stream.send_message(message)
        await stream.send_trailing_metadata(metadata={"after-bin": b"\0\1"})

    async def collect(self, stream: CallStream) -> None:
        received = 0
        async for message in stream:
            received += len(message)
        await stream.send_message(str(received).encode())

    async def count(self, stream: CallStream) -> None:
        for number in range(int(await stream.recv_message() or b"0")):
            await stream.send_message(str(number).encode())

    async def echo(self, stream: CallStream) -> None:
        async for message in stream:
            await stream.send_message(message)

    async def hang(self, stream: CallStream) -> None:
        await stream.send_initial_metadata()
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled.set()

    def __mapping__(self) -> dict[str, Handler]:
        methods: list[tuple[Callable[[CallStream], Awaitable[None]], Cardinality]] = [
            (self.unary, Cardinality.UNARY_UNARY),
            (self.collect, Cardinality.STREAM_UNARY),
            (self.count, Cardinality.UNARY_STREAM),
            (self.echo, Cardinality.STREAM_STREAM),
            (self.hang, Cardinality.STREAM_STREAM),
        ]
        return {
            f"/test.Service/{function.__name__}": Handler(function, cardinality, bytes, bytes)
            for function, cardinality in methods
        }


class Running(NamedTuple):
    server: GrpcServer
    service: TestService
    address: str


Run = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def run() -> Run:
    """Start a server for the length of a ``with`` block."""

    @asynccontextmanager
    async def run(
        *,
        limits: GrpcLimits | None = None,
        tls: ssl.SSLContext | None = None,
        places: ConnectionLimiter | None = None,
    ) -> AsyncIterator[Running]:
        service = TestService()
        source = (lambda: tls) if tls else None
        server = GrpcServer(
            [service], codec=BytesCodec(), limits=limits, tls=source, places=places
        )
        async with trio.open_nursery() as nursery:
            host, port = await nursery.start(server.serve, "127.0.0.1", 0)
            yield Running(server, service, f"{host}:{port}")
            nursery.cancel_scope.cancel()

    return run


class Certificates(NamedTuple):
    authority: trustme.CA
    certificate: Path
    key: Path
    authority_file: Path


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    certificate, key, authority_file = (directory / name for name in ("c.pem", "k.pem", "ca.pem"))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(certificate), append=True)
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(authority_file))
    return Certificates(authority, certificate, key, authority_file)


@pytest.fixture(scope="session")
def tls(certificates: Certificates) -> ssl.SSLContext:
    files = TlsFiles(certificate=str(certificates.certificate), key=str(certificates.key))
    return server_tls_context(files, HTTP_2)
