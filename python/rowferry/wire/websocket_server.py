"""The WebSocket server: listens, secures, guards its handlers, and stops in order."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest

from rowferry.wire.asgi import (
    JSON_TYPE,
    HttpStatusError,
    advice,
    encode_headers,
    encode_json,
    error_document,
)
from rowferry.wire.connection_limiter import ConnectionLimiter, ConnectionPlace
from rowferry.wire.grpc_failure import ServerStoppingError, leaves
from rowferry.wire.h2_transport import TransportStream
from rowferry.wire.lean_structlog import structlog
from rowferry.wire.listening import serve_port
from rowferry.wire.tls import TlsSource, shake_hands
from rowferry.wire.websocket_connection import ServedConnection
from rowferry.wire.websocket_handshake import (
    HandshakeRules,
    check_handshake,
)
from rowferry.wire.websocket_inbox import PeerLeftError
from rowferry.wire.websocket_limits import WebSocketLimits
from rowferry.wire.websocket_stream import PeerStream

log = structlog.get_logger(__name__)

NORMAL_CLOSURE: Final = 1000
INTERNAL_ERROR: Final = 1011
DEFAULT_CONNECTIONS: Final = 256

Handler = Callable[[ServedConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """How a client hears of a failure: a last text message, "" = none, and a close frame."""

    code: int
    reason: str = ""
    text: str = ""
    is_defect: bool = False
    """The error is the service's own: it goes into the log with its stack."""


Translate = Callable[[Exception, Mapping[str, object]], Farewell]
"""Turns what a handler raised, and the connection's notes, into what its client is told."""


def plain_farewell(error: Exception, _notes: Mapping[str, object]) -> Farewell:
    """Tell a client no more than that its connection has failed."""
    if isinstance(error, ServerStoppingError):
        return Farewell(code=1012)
    return Farewell(code=INTERNAL_ERROR, is_defect=True)


class WebSocketServer:
    """Serves one handler on one port, in the clear or over TLS.

    It serves once. To stop: :meth:`stop`; :meth:`serve` returns once every connection is closed.
    Cancelling :meth:`serve` stops at once and tells clients nothing. An exception of a handler
    ends its own connection only.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        rules: HandshakeRules,
        limits: WebSocketLimits | None = None,
        places: ConnectionLimiter | None = None,
        tls: TlsSource | None = None,
        translate: Translate = plain_farewell,
    ) -> None:
        self._handler = handler
        self._rules = rules
        self._limits = limits or WebSocketLimits()
        self._tls = tls
        self._translate = translate
        self._serving: set[ServedConnection] = set()
        self._handshakes: set[trio.CancelScope] = set()
        self._places = places or ConnectionLimiter(
            "websocket", max_connections=DEFAULT_CONNECTIONS
        )
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

        Raises:
            OSError: the address can't be listened on.

        """
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

    async def stop(self, grace_seconds: float) -> None:
        """Accept nothing new, give handlers ``grace_seconds`` to end, end the rest."""
        self._accepting.cancel()
        for handshake in self._handshakes:
            handshake.cancel()
        self._end(connection for connection in self._serving if not connection.at_work)
        with trio.move_on_after(grace_seconds):
            await self._stopped.wait()
        self._end(self._serving)
        await self._stopped.wait()

    def _end(self, connections: Iterable[ServedConnection]) -> None:
        for connection in connections:
            connection.stopping = True
            connection.scope.cancel()

    async def _serve_socket(self, stream: trio.SocketStream) -> None:
        """Serve one accepted connection; whatever happens on it ends here."""
        try:
            with self._places.place(stream) as place:
                if place is not None:
                    await self._serve_guarded(stream, place)
        except Exception:
            log.exception("WebSocketConnectionFailed")
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve_guarded(self, stream: trio.SocketStream, place: ConnectionPlace) -> None:
        with trio.CancelScope() as handshake:
            handshake.deadline = trio.current_time() + self._limits.handshake_timeout_seconds
            self._handshakes.add(handshake)
            try:
                secured = await self._secure(stream)
                if secured is not None:
                    await self.serve_stream(secured, handshake=handshake, place=place)
            finally:
                self._handshakes.discard(handshake)

    async def _secure(self, stream: trio.SocketStream) -> TransportStream | None:
        """Do the TLS handshake where there is TLS; None for a peer that fails it."""
        if self._tls is None:
            return stream
        try:
            return await shake_hands(stream, self._tls())
        except trio.BrokenResourceError as error:
            log.info("WebSocketHandshakeFailed", reason=str(error))
            return None

    async def serve_stream(
        self,
        stream: TransportStream,
        *,
        handshake: trio.CancelScope | None = None,
        place: ConnectionPlace | None = None,
    ) -> None:
        """Serve one connection until it is over; ``handshake`` bounds it until it is accepted."""
        peer_stream = PeerStream(stream, self._limits)
        peer_stream.peer.place = place
        connection = ServedConnection(peer_stream, self._limits)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, connection)
                if await self._open(connection):
                    if handshake is not None:
                        handshake.deadline = float("inf")
                        self._handshakes.discard(handshake)
                    nursery.start_soon(self._keep_alive, connection, nursery.cancel_scope)
                    await self._run_handler(connection)
                await peer_stream.aclose()
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)

    async def _read(self, connection: ServedConnection) -> None:
        """Read to the end; then the handler takes what is there, and is cancelled."""
        await connection.read()
        with trio.move_on_after(self._limits.close_timeout_seconds):
            await connection.inbox.wait_empty()
        connection.scope.cancel()

    async def _keep_alive(
        self, connection: ServedConnection, everything: trio.CancelScope
    ) -> None:
        await connection.keep_alive()
        everything.cancel()

    async def _open(self, connection: ServedConnection) -> bool:
        """Accept or refuse the opening handshake; False when there is nobody to serve."""
        with connection.scope:
            request = await connection.handshake_request()
            try:
                check_handshake(
                    self._rules,
                    path=request.path,
                    origin=connection.headers.get("origin", ""),
                    host=connection.headers.get("host", ""),
                    subprotocols=connection.offered_subprotocols,
                )
                await connection.accept(request, self._rules.subprotocol)
            except HttpStatusError as refusal:
                await _refuse(request, refusal)
            except ConnectionClosed:
                pass  # the peer left before it was answered
            else:
                return True
        return False

    async def _run_handler(self, connection: ServedConnection) -> None:
        farewell = Farewell(code=NORMAL_CLOSURE)
        connection.scope = trio.CancelScope()
        self._serving.add(connection)
        try:
            with connection.scope:
                await self._handler(connection)
        except Exception as error:  # noqa: BLE001  a handler may raise anything
            farewell = self._farewell(error, connection)
        finally:
            self._serving.discard(connection)
        if connection.scope.cancelled_caught and connection.stopping:
            farewell = self._translate(ServerStoppingError(), connection.notes)
        await _say_goodbye(connection, farewell)

    def _farewell(self, error: Exception, connection: ServedConnection) -> Farewell:
        """Pick what to tell of several failures: the first that is no defect."""
        failures = [
            (leaf, self._translate(leaf, connection.notes))
            for leaf in leaves(error)
            if not isinstance(leaf, PeerLeftError)
        ]
        for leaf, farewell in failures:
            if farewell.is_defect:
                log.error("WebSocketHandlerFailed", peer=str(connection.peer), exc_info=leaf)
        farewells = [farewell for _, farewell in failures]
        return min(farewells, key=lambda f: f.is_defect, default=Farewell(code=NORMAL_CLOSURE))


async def _say_goodbye(connection: ServedConnection, farewell: Farewell) -> None:
    if farewell.text:
        with suppress(PeerLeftError):
            await connection.send_text(farewell.text)
    await connection.goodbye(farewell.code, farewell.reason)


async def _refuse(request: WebSocketRequest, refusal: HttpStatusError) -> None:
    """Answer a handshake as a request of the HTTP port would be."""
    fields = [("content-type", JSON_TYPE), ("connection", "close"), *advice(refusal)]
    body = encode_json(error_document(refusal))
    with suppress(ConnectionClosed):
        await request.reject(refusal.status, extra_headers=encode_headers(fields), body=body)
