"""A WebSocket client that does exactly what a test tells it to, over any stream."""

import os
import struct
from typing import Final, TypeVar

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    RejectConnection,
    Request,
    TextMessage,
)

AnyEvent = TypeVar("AnyEvent", bound=Event)
BINARY: Final = 2


class RawPeer:
    """One connection, event by event."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events: list[Event] = []

    async def shake_hands(
        self,
        *,
        path: str = "/",
        subprotocols: tuple[str, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Event:
        """Begin the connection and give the answer."""
        await self.send(
            Request(
                host="door.test",
                target=path,
                subprotocols=list(subprotocols),
                extra_headers=list(headers),
            )
        )
        return await self.receive()

    async def open(self) -> "RawPeer":
        """Begin a connection that is accepted."""
        assert isinstance(await self.shake_hands(), AcceptConnection)
        return self

    async def send(self, event: Event) -> None:
        await self.stream.send_all(self._protocol.send(event))

    async def send_bytes(self, data: bytes) -> None:
        """Send anything at all."""
        await self.stream.send_all(data)

    async def receive(self) -> Event:
        """Give what the server sends next; an EOFError at the end."""
        while not self._events:
            data = await self.stream.receive_some()
            if not data:
                raise EOFError
            self._protocol.receive_data(bytes(data))
            self._events += self._protocol.events()
        return self._events.pop(0)

    async def expect(self, kind: type[AnyEvent]) -> AnyEvent:
        """Skip events until one of a kind comes."""
        while True:
            event = await self.receive()
            if isinstance(event, kind):
                return event

    async def text(self) -> str:
        """Give the next text message."""
        return (await self.expect(TextMessage)).data

    async def closed(self) -> CloseConnection:
        """Wait for the server's close frame, answer it, and wait for the end."""
        event = await self.expect(CloseConnection)
        await self.send(event.response())
        while await self.stream.receive_some():
            pass
        return event

    async def refused(self, **handshake: object) -> RejectConnection:
        """Begin a connection that is refused."""
        answer = await self.shake_hands(**handshake)  # type: ignore[arg-type]
        assert isinstance(answer, RejectConnection), answer
        return answer


def frame(payload: bytes, *, opcode: int = BINARY, final: bool = True) -> bytes:
    """Encode a masked frame (RFC 6455 §5.2)."""
    return frame_head(len(payload), opcode=opcode, final=final) + payload


def frame_head(size_bytes: int, *, opcode: int = BINARY, final: bool = True) -> bytes:
    """Encode the head of a frame, its mask zeros: what follows goes as it is."""
    first = bytes([(0x80 if final else 0) | opcode])
    if size_bytes < 126:
        size = bytes([0x80 | size_bytes])
    elif size_bytes < 1 << 16:
        size = b"\xfe" + struct.pack(">H", size_bytes)
    else:
        size = b"\xff" + struct.pack(">Q", size_bytes)
    return first + size + bytes(4)


def noise(size_bytes: int) -> bytes:
    return os.urandom(size_bytes)
