"""Everything a server says on one connection: frames of its streams, windows, PINGs, goodbyes."""

from typing import Final

from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.stream import StreamState
from hyperframe.frame import GoAwayFrame

from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.h2_conduct import PeerConduct
from rowferry.wire.h2_outbound import OutboundQueue
from rowferry.wire.h2_stream import OUTBOUND_BYTES, Headers
from rowferry.wire.h2_transport import Peer
from rowferry.wire.h2_windows import AssemblyRoom, WindowLedger

_OPEN_FOR_SENDING: Final = frozenset({StreamState.OPEN, StreamState.HALF_CLOSED_REMOTE})


class FrameSender:
    """Turns what streams and the connection want to say into queued bytes.

    Nothing here waits; whoever must not send more asks :attr:`has_room` and
    :meth:`send_window_bytes` first.
    """

    def __init__(
        self,
        h2: H2Connection,
        outbound: OutboundQueue,
        limits: GrpcLimits,
        peer: Peer,
        conduct: PeerConduct,
    ) -> None:
        self._h2 = h2
        self._outbound = outbound
        self._peer = peer
        self._conduct = conduct
        self._window = WindowLedger(
            limits.connection_window_bytes, lookahead_bytes=limits.connection_buffer_bytes
        )
        self.assembly = AssemblyRoom(limits.connection_assembly_bytes)

    def get_peer(self) -> Peer:
        """Return who is at the other end (grpclib's name)."""
        return self._peer

    # What may be sent.

    @property
    def has_room(self) -> bool:
        """Whether a message may be queued."""
        return self._outbound.size_bytes < OUTBOUND_BYTES

    @property
    def max_frame_bytes(self) -> int:
        """The largest frame the peer takes."""
        return self._h2.max_outbound_frame_size

    def can_send(self, stream_id: int) -> bool:
        """Whether the server's side of a stream is open."""
        stream = self._h2.streams.get(stream_id)
        if stream is None or self._outbound.broken or self._is_terminated:
            return False
        return stream.state_machine.state in _OPEN_FOR_SENDING

    def send_window_bytes(self, stream_id: int) -> int:
        """Bytes the peer takes on a stream now, 0 if it was closed (RFC 9113 §6.9)."""
        if not self.can_send(stream_id):
            return 0
        return self._h2.local_flow_control_window(stream_id)

    async def wait_progress(self) -> None:
        """Wait until bytes were sent, a window was reopened, or the connection ended."""
        await self._outbound.progress.park()

    @property
    def _is_terminated(self) -> bool:
        return self._h2.state_machine.state is ConnectionState.CLOSED

    def _is_alive(self, stream_id: int) -> bool:
        stream = self._h2.streams.get(stream_id)
        return stream is not None and not stream.closed and not self._is_terminated

    # Frames of a stream.

    def send_headers(self, stream_id: int, headers: Headers, *, end_stream: bool) -> None:
        """Send a header block on a stream that :meth:`can_send`."""
        self._conduct.forgive_control_frames()
        self._h2.send_headers(stream_id, headers, end_stream=end_stream)
        self.flush()

    def send_data(self, stream_id: int, data: memoryview, *, end_stream: bool) -> None:
        """Send one DATA frame that fits the stream's window and the peer's frame size."""
        self._conduct.forgive_control_frames()
        self._h2.send_data(stream_id, data, end_stream=end_stream)
        self.flush()

    def reset(self, stream_id: int, error_code: ErrorCodes) -> None:
        """Send RST_STREAM unless the stream is over (RFC 9113 §6.4)."""
        if self._is_alive(stream_id):
            self._h2.reset_stream(stream_id, error_code)
        self.flush()

    def reopen_window(self, stream_id: int, increment: int) -> None:
        """Let the peer send more on a stream (RFC 9113 §6.9.1)."""
        if self._is_alive(stream_id):
            self._h2.increment_flow_control_window(increment, stream_id)

    # Frames of the connection.

    def received(self, byte_count: int) -> None:
        """Count flow-controlled bytes that arrived."""
        self._window.receive(byte_count)

    def consumed(self, byte_count: int) -> None:
        """Count request bytes that no longer wait for a handler; :meth:`flush` tells the peer."""
        self._window.consume(byte_count)

    def ping(self, opaque_data: bytes) -> None:
        """Send a PING of 8 bytes (RFC 9113 §6.7)."""
        if not self._is_terminated:
            self._h2.ping(opaque_data)
            self.flush()

    def goaway(self, last_stream_id: int) -> None:
        """Send GOAWAY(NO_ERROR) and go on, which ``close_connection`` of h2 would not allow."""
        if not self._is_terminated:
            self.flush()
            self._outbound.put(GoAwayFrame(0, last_stream_id=last_stream_id).serialize())

    def terminate(self, error_code: ErrorCodes, reason: str = "") -> None:
        """Send the last GOAWAY (RFC 9113 §5.4.1); nothing can be sent after it.

        Where h2 has made the GOAWAY itself, that one is sent.
        """
        if not self._is_terminated:
            self._h2.close_connection(error_code, reason.encode())
        self.flush()

    def flush(self) -> None:
        """Hand what is due to the peer to the writer."""
        increment = self._window.take_increment()
        if increment and not self._is_terminated:
            self._h2.increment_flow_control_window(increment)
        self._outbound.put(self._h2.data_to_send())
