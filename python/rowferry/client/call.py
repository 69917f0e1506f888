"""One gRPC call on a connection: length-prefixed messages both ways, the trailers' verdict."""

import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol

import trio

from rowferry.client.call_status import check_response, check_trailers
from rowferry.client.errors import RowferryError

MAX_RECEIVED_MESSAGE_BYTES: Final = 16 * 2**20
_PREFIX: Final = struct.Struct(">BI")  # compressed flag, length: gRPC over HTTP/2, "Message"


class CallEnded(Exception):  # noqa: N818  not a failure: the answer is there to be received
    """The service ended the call while the client was still sending."""


class CallTransport(Protocol):
    """What a call needs of its connection."""

    async def send_some(self, stream_id: int, data: memoryview) -> int:
        """Wait for room, send the beginning of the data, return how much of it."""

    async def send_end(self, stream_id: int) -> bool:
        """Half-close the stream; False if the call is over already."""

    def acknowledge(self, stream_id: int, received_bytes: int) -> None:
        """Let the peer send so many bytes more."""


class Call:
    """A running call. One task may send while another receives."""

    def __init__(self, transport: CallTransport, stream_id: int) -> None:
        self.stream_id: Final = stream_id
        self._transport = transport
        self._received = bytearray()
        self._unacknowledged_bytes = 0
        self._headers: Mapping[str, str] | None = None
        self._trailers: Mapping[str, str] | None = None
        self._failure: RowferryError | None = None
        self._ended = False
        self._news = trio.Event()
        self._send_closed = False

    @property
    def finished(self) -> bool:
        """Tell whether nothing more comes from the service."""
        return self._ended or self._failure is not None

    @property
    def closed(self) -> bool:
        """Tell whether both directions are over."""
        return self.finished and self._send_closed

    async def send(self, message: bytes) -> None:
        """Send one message as the service has room for it; raise CallEnded once it has none.

        Not safe to cancel and go on: half a message may be under way.
        """
        await trio.lowlevel.checkpoint()
        data = memoryview(_PREFIX.pack(0, len(message)) + message)
        while data:
            if self.finished:
                raise CallEnded
            data = data[await self._transport.send_some(self.stream_id, data) :]

    async def ask(self, message: bytes) -> None:
        """Send the call's first message; what a call that is over has to say is to be received."""
        with suppress(CallEnded):
            await self.send(message)

    async def end(self) -> None:
        """Half-close: no more messages from here."""
        await trio.lowlevel.checkpoint()
        if not self._send_closed:
            self._send_closed = await self._transport.send_end(self.stream_id)

    async def receive(self) -> bytes | None:
        """Give the next message, None after the last one.

        Raises RowferryError if the service refused the call, UnreachableError if the connection
        broke.
        """
        await trio.lowlevel.checkpoint()
        while (message := self._take_message()) is None:
            if self.finished:
                self._check_verdict()
                return None
            # Only here, when no whole message is left: a slow reader holds the service back.
            self.acknowledge()
            await self._news.wait()
            self._news = trio.Event()
        return message

    def feed_headers(self, headers: Mapping[str, str]) -> None:
        """Take note of the response's headers."""
        self._headers = headers
        self._news.set()

    def feed_data(self, data: bytes, flow_controlled_bytes: int) -> None:
        """Take received bytes; they count against the window until ``receive`` waits for more."""
        self._received += data
        self._unacknowledged_bytes += flow_controlled_bytes
        self._news.set()

    def feed_trailers(self, trailers: Mapping[str, str]) -> None:
        """Take note of the call's verdict."""
        self._trailers = trailers

    def feed_end(self) -> None:
        """Take note that the service sends no more."""
        self._ended = True
        self._news.set()

    def fail(self, failure: RowferryError) -> None:
        """Take note that the call broke off; what arrived before stays readable."""
        if not self.finished:
            self._failure = failure
        self._news.set()

    def acknowledge(self) -> None:
        """Let the peer send as much more as it has sent; at a call's end, for the other calls."""
        if self._unacknowledged_bytes:
            self._transport.acknowledge(self.stream_id, self._unacknowledged_bytes)
            self._unacknowledged_bytes = 0

    def _take_message(self) -> bytes | None:
        if len(self._received) < _PREFIX.size:
            return None
        compressed, length = _PREFIX.unpack_from(self._received)
        if compressed:
            raise RowferryError("INTERNAL", "The server compressed a message unasked.", {})
        if length > MAX_RECEIVED_MESSAGE_BYTES:
            raise RowferryError("INTERNAL", f"The server sent a message of {length} bytes.", {})
        end = _PREFIX.size + length
        if len(self._received) < end:
            return None
        message = bytes(self._received[_PREFIX.size : end])
        del self._received[:end]
        return message

    def _check_verdict(self) -> None:
        if self._failure is not None:
            raise self._failure
        headers = self._headers or {}
        check_response(headers)
        # A call without messages may have its verdict in the headers ("Trailers-Only").
        check_trailers(self._trailers if self._trailers is not None else headers)
        if self._received:
            raise RowferryError("INTERNAL", "The server's last message is cut off.", {})
