"""A WebSocket server in memory, and peers that say what a test tells them to."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import memory_stream_pair

from rowferry.wire.h2_transport import TransportStream
from rowferry.wire.websocket_connection import ServedConnection
from rowferry.wire.websocket_handshake import HandshakeRules
from rowferry.wire.websocket_limits import WebSocketLimits
from rowferry.wire.websocket_server import Handler, Translate, WebSocketServer, plain_farewell
from tests.unit.wire.websocket.raw_peer import RawPeer

EVERYBODY = HandshakeRules()


class MemoryServer:
    """Connections of one server over pairs of streams; ``over`` counts those that have ended."""

    def __init__(self, server: WebSocketServer, limits: WebSocketLimits) -> None:
        self.server = server
        self._limits = limits
        self._nursery: trio.Nursery
        self.over = 0
        self.ended = trio.Event()

    def use(self, nursery: trio.Nursery) -> "MemoryServer":
        self._nursery = nursery
        return self

    def connect(self) -> RawPeer:
        ours, theirs = memory_stream_pair()
        self._nursery.start_soon(self._serve, ours)
        return RawPeer(theirs)

    async def _serve(self, stream: TransportStream) -> None:
        with trio.CancelScope() as handshake:
            handshake.deadline = trio.current_time() + self._limits.handshake_timeout_seconds
            await self.server.serve_stream(stream, handshake=handshake)
        self.over += 1
        self.ended.set()


MakeServer = Callable[..., MemoryServer]


@pytest.fixture
async def make_server(nursery: trio.Nursery) -> MakeServer:
    def make(
        handler: Handler,
        *,
        rules: HandshakeRules = EVERYBODY,
        translate: Translate = plain_farewell,
        **limits: float,
    ) -> MemoryServer:
        bounds = WebSocketLimits(**limits)  # type: ignore[arg-type]
        server = WebSocketServer(handler, rules=rules, limits=bounds, translate=translate)
        return MemoryServer(server, bounds).use(nursery)

    return make


async def echo(connection: ServedConnection) -> None:
    while True:
        await connection.send_message(await connection.inbox.take())
