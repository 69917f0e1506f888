"""One request and its response: what ``grpclib.server.Stream`` expects of its transport."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import trio
from grpclib.exceptions import StreamTerminatedError
from h2.errors import ErrorCodes

from rowferry.wire.h2_body import BodyBuffer
from rowferry.wire.h2_windows import WindowLedger

if TYPE_CHECKING:
    from rowferry.wire.h2_sender import FrameSender

Headers = Sequence[tuple[str, str]]

OUTBOUND_BYTES: Final = 64 * 1024
"""Bytes queued for a connection above which the next message of a handler waits."""


class EndedBy(StrEnum):
    """Why a call's scope was cancelled; a scope cancelled by neither reached its deadline."""

    PEER = "peer"
    SERVER = "server"


class RequestStream:
    """A stream of a server connection; belongs to the one task that handles its call.

    Backpressure: body bytes count as consumed once the handler waits for them or takes them, and
    only then is the stream's window reopened. So at most one window lies here beyond the message
    that is being received.
    """

    def __init__(self, connection: "FrameSender", stream_id: int, *, window_bytes: int) -> None:
        self.connection = connection
        self.id = stream_id
        self.scope = trio.CancelScope()
        self.ended_by: EndedBy | None = None
        self.body_ended = False
        self._body = BodyBuffer()
        self._window = WindowLedger(window_bytes)
        self._taken_bytes = 0
        self._claimed_bytes = 0
        self._consumed_bytes = 0
        self._wanted_bytes = 0
        self._assembly_bytes = 0
        self._arrival: trio.Event | None = None

    # What the connection's reader calls.

    def feed(self, data: bytes, flow_controlled_bytes: int) -> None:
        """Take body bytes that arrived; their padding is consumed at once (RFC 9113 §6.1)."""
        self._window.receive(flow_controlled_bytes)
        padding_bytes = flow_controlled_bytes - len(data)
        if padding_bytes:
            self._consume(padding_bytes)
        self._body.append(data)
        if self._arrival is not None and self._body.size_bytes >= self._wanted_bytes:
            self._arrival.set()

    def feed_end(self) -> None:
        """Note that the client has ended the body (END_STREAM)."""
        self.body_ended = True
        if self._arrival is not None:
            self._arrival.set()

    def end(self, ended_by: EndedBy) -> None:
        """Cancel the call's handler."""
        if self.ended_by is None:
            self.ended_by = ended_by
            self.scope.cancel()

    def settle(self) -> None:
        """Count what the handler has asked for as consumed and reopen the window by it."""
        consumed = self._taken_bytes + min(self._claimed_bytes, self._body.size_bytes)
        if consumed > self._consumed_bytes:
            delta = consumed - self._consumed_bytes
            self._consumed_bytes = consumed
            self._consume(delta)
        increment = self._window.take_increment()
        if increment and not self.body_ended:
            self.connection.reopen_window(self.id, increment)

    def abandon_body(self) -> None:
        """Give the connection back what nobody will take."""
        self.give_up_assembly()
        self._consume(self._window.unconsumed_bytes)

    def _consume(self, byte_count: int) -> None:
        self._window.consume(byte_count)
        self.connection.consumed(byte_count)

    # Receiving, for the handler.

    async def fill(self, byte_count: int) -> int:
        """Wait for ``byte_count`` bytes or the end of the body; return how many are there.

        Nothing is taken, so a caller that is cancelled here loses nothing. Returns without a
        checkpoint when the bytes are there: what is buffered is bounded, so a handler that loops
        yields soon enough.

        Raises:
            trio.BusyResourceError: another task waits already.

        """
        if self._arrival is not None:
            raise trio.BusyResourceError("another task is receiving from this stream")
        self._claimed_bytes = max(self._claimed_bytes, byte_count)
        self._wanted_bytes = byte_count
        while self._body.size_bytes < byte_count and not self.body_ended:
            self.settle()
            self.connection.flush()
            self._arrival = trio.Event()
            try:
                await self._arrival.wait()
            finally:
                self._arrival = None
        return self._body.size_bytes

    def begin_assembly(self, byte_count: int) -> bool:
        """Take room for a message of the connection's own; False if it has not so much left."""
        if not self._assembly_bytes and self.connection.assembly.take(byte_count):
            self._assembly_bytes = byte_count
        return self._assembly_bytes == byte_count

    def give_up_assembly(self) -> None:
        """Give the room back that a message had."""
        self.connection.assembly.give_back(self._assembly_bytes)
        self._assembly_bytes = 0

    def peek(self, byte_count: int) -> bytes:
        """Return the first buffered bytes without taking them."""
        return self._body.peek(byte_count)

    def take(self, byte_count: int) -> bytes:
        """Take bytes that :meth:`fill` has waited for."""
        data = self._body.take(byte_count)
        self._taken_bytes += byte_count
        self._claimed_bytes = max(0, self._claimed_bytes - byte_count)
        self.settle()
        return data

    @property
    def buffered_bytes(self) -> int:
        """Body bytes that have arrived and were not taken."""
        return self._body.size_bytes

    # Sending, for the handler and for grpclib.

    @property
    def closable(self) -> bool:
        """Whether the stream is open on the server's side, so that anything can be sent."""
        return self.connection.can_send(self.id)

    def send_would_block(self, message_bytes: int) -> bool:
        """Whether a message of that size would have to wait for the peer (RFC 9113 §6.9)."""
        window_bytes = self.connection.send_window_bytes(self.id)
        return window_bytes < message_bytes or not self.connection.has_room

    async def wait_writable(self, message_bytes: int) -> None:
        """Wait until a message of that size can be sent without waiting.

        Raises:
            StreamTerminatedError: the stream was closed.

        """
        await trio.lowlevel.checkpoint()
        while self.send_would_block(message_bytes):
            await self._require_open()
            await self.connection.wait_progress()

    async def send_headers(self, headers: Headers, end_stream: bool = False) -> None:  # noqa: FBT001, FBT002  grpclib's signature
        """Send response headers or trailers; they never wait: a call has two of them at most."""
        await self._require_open()
        self.connection.send_headers(self.id, headers, end_stream=end_stream)

    async def send_data(self, data: bytes, end_stream: bool = False) -> None:  # noqa: FBT001, FBT002  grpclib's signature
        """Send body bytes, frame by frame as the peer's windows allow.

        Raises:
            StreamTerminatedError: the stream was closed.

        """
        view = memoryview(data)
        while True:
            await self._require_open()
            room = self.connection.send_window_bytes(self.id)
            if (view and room <= 0) or not self.connection.has_room:
                await self.connection.wait_progress()
                continue
            chunk = view[: min(room, self.connection.max_frame_bytes)]
            view = view[len(chunk) :]
            self.connection.send_data(self.id, chunk, end_stream=end_stream and not view)
            if not view:
                return

    async def _require_open(self) -> None:
        if not self.closable:
            await trio.lowlevel.checkpoint_if_cancelled()
            raise StreamTerminatedError("the stream is closed")

    async def reset(self, error_code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Send RST_STREAM."""
        await trio.lowlevel.checkpoint()
        self.reset_nowait(error_code)

    def reset_nowait(self, error_code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Send RST_STREAM (RFC 9113 §6.4).

        NO_ERROR after the trailers asks the client to stop sending a body nobody reads (§8.1).
        """
        self.connection.reset(self.id, error_code)
