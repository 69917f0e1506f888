"""The gRPC server: listens, secures, serves grpclib's generated services on trio, and stops."""

from collections.abc import Iterable
from typing import Final, Protocol

import trio
from grpclib.const import Handler
from grpclib.encoding.base import CodecBase
from grpclib.encoding.proto import ProtoCodec
from grpclib.events import _DispatchServerEvents

from rowferry.wire.connection_limiter import ConnectionLimiter, ConnectionPlace
from rowferry.wire.grpc_call import CallAnswerer
from rowferry.wire.grpc_failure import Translate, plain_translation
from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.h2_connection import ServerConnection
from rowferry.wire.h2_data_path import warn_of_plain_h2
from rowferry.wire.h2_transport import (
    AlpnRefusedError,
    ByteTransport,
    TransportStream,
    accept_tls,
)
from rowferry.wire.lean_structlog import structlog
from rowferry.wire.listening import serve_port
from rowferry.wire.tls import TlsSource

log = structlog.get_logger(__name__)

DEFAULT_CONNECTIONS: Final = 256


class GrpcService(Protocol):
    """What grpclib's plugin generates."""

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods by their paths."""


class GrpcServer:
    """Serves gRPC over HTTP/2, in the clear (prior knowledge, RFC 9113 §3.3) or over TLS.

    It serves once. To stop: :meth:`stop_accepting`, give the calls in flight their time, then
    :meth:`end_calls`; :meth:`stop` does all three, and :meth:`serve` returns once every
    connection is closed. Cancelling :meth:`serve` stops at once and tells clients nothing.

    ``__dispatch__`` takes listeners of ``grpclib.events``.
    """

    def __init__(
        self,
        services: Iterable[GrpcService],
        *,
        codec: CodecBase | None = None,
        limits: GrpcLimits | None = None,
        places: ConnectionLimiter | None = None,
        tls: TlsSource | None = None,
        translate: Translate = plain_translation,
    ) -> None:
        self._limits = limits or GrpcLimits()
        self._tls = tls
        self.__dispatch__ = _DispatchServerEvents()
        self._answer = CallAnswerer(
            methods={
                path: method
                for service in services
                for path, method in service.__mapping__().items()
            },
            codec=codec or ProtoCodec(),
            dispatch=self.__dispatch__,
            translate=translate,
            max_message_bytes=self._limits.max_message_bytes,
        )
        self._connections: set[ServerConnection] = set()
        self._handshakes: set[trio.CancelScope] = set()
        self._places = places or ConnectionLimiter("grpc", max_connections=DEFAULT_CONNECTIONS)
        self._accepting = trio.CancelScope()
        self._stopped = trio.Event()

    async def serve(
        self,
        host: str,
        port: int,
        *,
        task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen and serve until stopped; ``task_status`` gets the real (host, port).

        Returns once every connection is closed.

        Raises:
            OSError: the address can't be listened on.

        """
        warn_of_plain_h2()
        try:
            await serve_port(
                self._serve_socket,
                host,
                port,
                accepting=self._accepting,
                task_status=task_status,
            )
        finally:
            self._stopped.set()

    async def serve_stream(
        self, stream: TransportStream, place: ConnectionPlace | None = None
    ) -> None:
        """Serve one connection that exists already, until it is over."""
        transport = ByteTransport(stream, receive_bytes=self._limits.receive_bytes)
        transport.peer.place = place
        connection = ServerConnection(transport, self._limits, self._answer)
        self._connections.add(connection)
        if self._accepting.cancel_called:
            connection.drain()
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def stop_accepting(self) -> None:
        """Stop listening and drain: calls in flight go on, new ones are refused."""
        self._accepting.cancel()
        for handshake in self._handshakes:
            handshake.cancel()
        for connection in self._connections:
            connection.drain()

    def end_calls(self) -> None:
        """Cancel the calls in flight; handlers clean up, clients get UNAVAILABLE.

        The status is what ``translate`` makes of a ``ServerStoppingError``. A handler that does
        not end when it is cancelled is waited for.
        """
        self.stop_accepting()
        for connection in list(self._connections):
            connection.end_calls()

    async def stop(self, grace_seconds: float) -> None:
        """Stop accepting, give calls ``grace_seconds`` to end, end the rest, wait for the end."""
        self.stop_accepting()
        with trio.move_on_after(grace_seconds):
            await self._stopped.wait()
        self.end_calls()
        await self._stopped.wait()

    async def _serve_socket(self, stream: trio.SocketStream) -> None:
        """Serve one accepted connection; whatever happens on it ends here."""
        try:
            with self._places.place(stream) as place:
                if place is None:
                    await trio.aclose_forcefully(stream)
                    return
                secured = await self._secure(stream)
                if secured is not None:
                    await self.serve_stream(secured, place)
        except Exception:
            log.exception("GrpcConnectionFailed")
            await trio.aclose_forcefully(stream)

    async def _secure(self, stream: trio.SocketStream) -> TransportStream | None:
        """Do the TLS handshake where there is TLS; None for a peer that fails it."""
        if self._tls is None:
            return stream
        with trio.move_on_after(self._limits.handshake_timeout_seconds) as handshake:
            self._handshakes.add(handshake)
            try:
                return await accept_tls(stream, self._tls())
            except (trio.BrokenResourceError, AlpnRefusedError) as error:
                log.info("GrpcHandshakeFailed", reason=str(error))
            finally:
                self._handshakes.discard(handshake)
        await trio.aclose_forcefully(stream)
        return None
