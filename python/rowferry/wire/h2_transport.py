"""One peer's byte stream, plain or TLS, with the fastest way to read each kind."""

import ssl
from typing import Any, Final

import trio

from rowferry.wire.connection_limiter import ConnectionPlace
from rowferry.wire.tls import shake_hands

FIRST_RECEIVE_BYTES: Final = 8 * 1024
TransportStream = trio.abc.HalfCloseableStream | trio.SSLStream[trio.SocketStream]


class Peer:
    """Who is at the other end; the shape of ``grpclib.protocol.Peer``.

    ``place`` is the connection's among those of the port, if they are counted.
    """

    __slots__ = ("_address", "_certificate", "place")

    def __init__(
        self, address: tuple[str, int] | None = None, certificate: dict[str, Any] | None = None
    ) -> None:
        self._address = address
        self._certificate = certificate
        self.place: ConnectionPlace | None = None

    def addr(self) -> tuple[str, int] | None:
        """Return the peer's host and port, None for a stream that has no address."""
        return self._address

    def cert(self) -> dict[str, Any] | None:
        """Return the peer's certificate as ``SSLSocket.getpeercert`` does, None without one."""
        return self._certificate

    def __str__(self) -> str:
        return "local" if self._address is None else f"{self._address[0]}:{self._address[1]}"


class ByteTransport:
    """Receives into one buffer of at most ``receive_bytes`` and sends whole buffers.

    A plain socket is read with ``recv_into``, which saves an allocation and a copy of everything
    received. The buffer is small and doubles when a peer fills it: idle connections cost little,
    and of a flood little is received before it is recognised.
    """

    def __init__(self, stream: TransportStream, *, receive_bytes: int) -> None:
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        first_bytes = min(FIRST_RECEIVE_BYTES, receive_bytes)
        self._buffer = memoryview(bytearray(first_bytes if self._socket else 0))
        self._receive_bytes = receive_bytes
        self.peer = peer_of(stream)

    async def receive(self) -> memoryview | bytes | bytearray:
        """Return the next bytes, valid until the next call; empty at the end.

        Raises:
            trio.BrokenResourceError: the connection was lost.

        """
        if self._socket is None:
            return await self._stream.receive_some(self._receive_bytes)
        try:
            received = await self._socket.recv_into(self._buffer)
        except OSError as error:
            raise trio.BrokenResourceError("connection lost") from error
        data = self._buffer[:received]
        if received == len(self._buffer) < self._receive_bytes:
            self._buffer = memoryview(bytearray(min(2 * received, self._receive_bytes)))
        return data

    async def send_all(self, data: bytes) -> None:
        """Send everything; raise ``trio.BrokenResourceError`` when the connection is lost."""
        await self._stream.send_all(data)

    async def close(self) -> None:
        """Close once the peer has read everything and closed too; at once when cancelled.

        Closing a socket that has unread input makes the kernel send a reset, at which the peer may
        drop what it has not read yet: the very last acknowledgements. So the sending side is shut
        first, and what still comes is read and dropped until the peer closes.
        """
        try:
            if not isinstance(self._stream, trio.SSLStream):
                await self._stream.send_eof()
            while await self.receive():
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the peer was faster: nothing is left to protect
        finally:
            await trio.aclose_forcefully(self._stream)


def peer_of(stream: TransportStream) -> Peer:
    """Tell who is at the other end of a stream."""
    certificate = stream.getpeercert() if isinstance(stream, trio.SSLStream) else None
    carrier = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    if not isinstance(carrier, trio.SocketStream):
        return Peer(certificate=certificate)
    try:
        host, port = carrier.socket.getpeername()[:2]
    except (OSError, ValueError):
        return Peer(certificate=certificate)
    return Peer((host, port), certificate)


class AlpnRefusedError(Exception):
    """The client did not agree on h2 (RFC 9113 §3.2): it would not speak HTTP/2."""


async def accept_tls(
    stream: trio.SocketStream, context: ssl.SSLContext
) -> trio.SSLStream[trio.SocketStream]:
    """Do the TLS handshake as the server and insist on the ALPN protocol h2.

    Raises:
        AlpnRefusedError: another protocol was agreed on, or none.
        trio.BrokenResourceError: the handshake failed.

    """
    secured = await shake_hands(stream, context)
    protocol = secured.selected_alpn_protocol()
    if protocol != "h2":
        raise AlpnRefusedError(f"the client agreed on {protocol!r} instead of 'h2'")
    return secured
