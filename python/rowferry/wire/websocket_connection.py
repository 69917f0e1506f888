"""One served WebSocket connection: trio-websocket's, with limits, a bounded inbox and a heartbeat.

trio-websocket (0.12) bounds neither fragments nor control frames, queues messages by number and
not by bytes, sends no pings, and lets a handler wait for a connection that is over. What is
overridden here are its handlers of single events, which are private: its version is pinned.
"""

from collections.abc import Sequence
from typing import Final

import trio
from trio_websocket import CloseReason, ConnectionClosed, WebSocketConnection, WebSocketRequest
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError

from rowferry.wire.h2_flood import FloodGate
from rowferry.wire.h2_transport import Peer
from rowferry.wire.lean_structlog import structlog
from rowferry.wire.websocket_inbox import Inbox, Message, PeerLeftError
from rowferry.wire.websocket_limits import SMALL_FRAGMENT_BYTES, WebSocketLimits
from rowferry.wire.websocket_masking import CoreUnmaskedConnection
from rowferry.wire.websocket_stream import PeerStream

log = structlog.get_logger(__name__)

POLICY_VIOLATION: Final = 1008
MAX_REASON_BYTES: Final = 123  # RFC 6455 §5.5: a control frame has 125 bytes, two are the code
HEARTBEAT: Final = b"rowferry"


class ServedConnection(WebSocketConnection):
    """What a handler is given: :attr:`inbox`, :meth:`send_text`, and who is at the other end."""

    def __init__(self, stream: PeerStream, limits: WebSocketLimits) -> None:
        frames = CoreUnmaskedConnection()
        super().__init__(stream, frames, receive_buffer_size=limits.receive_bytes)
        self._frames = frames
        self._limits = limits
        self._peer_stream = stream
        self._control_frames = FloodGate(limits.max_control_frames_per_second)
        self.inbox = Inbox(limits)
        self.scope = trio.CancelScope()
        """Around the handler: cancelled when the peer has left, or the server stops."""
        self.at_work = False
        """The handler has something to finish: a server that stops gives it its grace."""
        self.stopping = False
        """The server has cancelled the handler, not the peer."""
        self.notes: dict[str, object] = {}
        """What its client is told when the handler is stopped in the middle."""
        self.headers: dict[str, str] = {}
        """Of the handshake, names in lower case; one that came twice has the last value."""
        self.offered_subprotocols: Sequence[str] = ()

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._peer_stream.peer

    def serve_connection(self, client: str) -> None:
        """Count the connection as a client's; raise RATE_LIMITED if it has too many."""
        if self.peer.place is not None:
            self.peer.place.serve(client)

    # Before the first message.

    async def handshake_request(self) -> WebSocketRequest:
        """Wait for the opening handshake; a broken one is answered by the reader."""
        request = await self._get_request()
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in request.headers
        }
        self.headers["host"] = request._event.host  # noqa: SLF001  which it tells in no other way
        self.offered_subprotocols = request.proposed_subprotocols
        return request

    async def accept(self, request: WebSocketRequest, subprotocol: str) -> None:
        """Finish the handshake."""
        self._peer_stream.handshake_over = True
        await request.accept(subprotocol=subprotocol or None)

    # Reading.

    async def read(self) -> None:
        """Receive until the connection is over; then the handler has what is left, and ends."""
        try:
            await self._reader_task()
        except (LocalProtocolError, ConnectionClosed) as error:
            # it went on after its handshake was refused, say, or did not wait for the refusal
            log.info("WebSocketPeerRefused", peer=str(self.peer), reason=str(error))
        finally:
            self.inbox.fail(PeerLeftError())

    async def _handle_message_event(self, event: BytesMessage | TextMessage) -> None:
        is_fragment = event.frame_finished and not event.message_finished
        if is_fragment and len(event.data) < SMALL_FRAGMENT_BYTES:
            await self._count_control_frame()
        piece = event.data if isinstance(event.data, str) else bytes(event.data)
        await self.inbox.feed(
            piece, whole=event.message_finished, frame_bytes=self._frames.single_frame_bytes
        )
        await trio.lowlevel.checkpoint()  # one receive may hold thousands of messages

    async def _handle_ping_event(self, event: Ping) -> None:
        await self._count_control_frame()
        if self._wsproto.state is ConnectionState.OPEN:
            await super()._handle_ping_event(event)

    async def _handle_pong_event(self, event: Pong) -> None:  # noqa: ARG002  a sign of life, no more
        await self._count_control_frame()

    async def _handle_close_connection_event(self, event: CloseConnection) -> None:
        if self._wsproto.state is ConnectionState.OPEN:  # no frame of the peer: its framing broke
            log.info("WebSocketPeerRefused", peer=str(self.peer), reason=event.reason)
            await self._send(CloseConnection(code=event.code, reason=clipped(event.reason or "")))
        else:
            self._peer_stream.nothing_more_comes = True
        await super()._handle_close_connection_event(event)

    async def _count_control_frame(self) -> None:
        """Close the connection of a peer that sends too many frames that do no work."""
        if not self._control_frames.overflows(trio.current_time()):
            return
        log.info("WebSocketPeerRefused", peer=str(self.peer), reason="flood")
        reason = CloseReason(POLICY_VIOLATION, "Too many frames that do no work.")
        if self._wsproto.state is ConnectionState.OPEN:
            self._close_reason = reason
            await self._send(CloseConnection(code=reason.code, reason=reason.reason))
        raise ConnectionClosed(reason)  # ends the reader

    # Sending.

    async def send_text(self, text: str) -> None:
        """Send a text message; raise PeerLeftError when nobody is there."""
        await self.send(text)

    async def send(self, message: Message) -> None:
        """Send a message; raise PeerLeftError when nobody is there."""
        try:
            await self.send_message(message)
        except (ConnectionClosed, LocalProtocolError) as error:
            # a peer whose frames broke was sent the closing frame already: no more may follow it
            raise PeerLeftError from error

    async def wait_writable(self) -> None:
        """Wait until a short message would be taken at once; PeerLeftError as above."""
        try:
            await self._peer_stream.wait_send_all_might_not_block()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise PeerLeftError from error

    async def keep_alive(self) -> None:
        """Ask a silent peer for a sign of life; return when none comes.

        While the inbox is full nothing is read, so silence means nothing then.
        """
        stream, limits = self._peer_stream, self._limits
        while True:
            heard = stream.heard_seconds
            await trio.sleep_until(heard + limits.ping_seconds)
            if stream.heard_seconds != heard:
                continue
            if self.inbox.blocks_reader:
                stream.heard_seconds = trio.current_time()
                continue
            if not await self._ping():
                return
            await trio.sleep(limits.ping_timeout_seconds)
            if stream.heard_seconds == heard:
                log.info("WebSocketPeerLost", peer=str(self.peer))
                return

    async def _ping(self) -> bool:
        if self._wsproto.state is not ConnectionState.OPEN:
            return True  # it is being closed, which has a deadline of its own
        try:
            await self._send(Ping(payload=HEARTBEAT))
        except ConnectionClosed:
            return False
        return True

    async def goodbye(self, code: int, reason: str) -> None:
        """Say why the connection ends, and wait a little for the peer's own close frame.

        The stream is left to be closed. What still comes is dropped.
        """
        self.inbox.fail(PeerLeftError())
        with trio.move_on_after(self._limits.close_timeout_seconds):
            if self._wsproto.state is ConnectionState.OPEN:
                await self.aclose(code, clipped(reason))
            else:  # the reader's own closing frame may be waiting for its turn
                async with self._stream_lock:
                    pass


def clipped(reason: str) -> str:
    """Shorten a close reason to what its frame can hold."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
