"""One HTTP/2 connection of the server: reads, writes, starts a task for every request.

Frames and states are h2's business (RFC 9113); this module moves events to their streams and
decides when a peer has gone too far or the connection is over.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import trio
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    RequestReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    UnknownFrameReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

from rowferry.wire.grpc_limits import LARGEST_WINDOW_BYTES, GrpcLimits
from rowferry.wire.h2_conduct import PeerConduct, PeerRefusedError
from rowferry.wire.h2_outbound import OutboundQueue
from rowferry.wire.h2_sender import FrameSender
from rowferry.wire.h2_settings import open_server_side
from rowferry.wire.h2_stream import OUTBOUND_BYTES, EndedBy, Headers, RequestStream
from rowferry.wire.h2_transport import ByteTransport
from rowferry.wire.lean_structlog import structlog

log = structlog.get_logger(__name__)

Answer = Callable[[RequestStream, Headers], Awaitable[None]]

READER_PAUSE_BYTES: Final = 4 * OUTBOUND_BYTES
FLUSH_SECONDS: Final = 1.0
LINGER_SECONDS: Final = 1.0
DRAIN_PING: Final = b"rowdrain"
DRAIN_PING_SECONDS: Final = 1.0
KEEPALIVE_PING: Final = b"rowalive"
# RFC 9113 §6.8: the first GOAWAY of a graceful shutdown names the highest stream there can be.
ANY_STREAM: Final = LARGEST_WINDOW_BYTES


class ServerConnection:
    """Runs until the peer leaves, goes too far, or is drained.

    ``answer`` handles one request in a task of its own, inside the nursery of :meth:`run`.
    """

    def __init__(self, transport: ByteTransport, limits: GrpcLimits, answer: Answer) -> None:
        self._transport = transport
        self._limits = limits
        self._answer = answer
        self._conduct = PeerConduct(limits)
        self._h2 = open_server_side(limits)
        self._outbound = OutboundQueue(
            transport, write_timeout_seconds=limits.write_timeout_seconds
        )
        self._sender = FrameSender(self._h2, self._outbound, limits, transport.peer, self._conduct)
        self._streams: dict[int, RequestStream] = {}
        self._fed: set[RequestStream] = set()
        self._greeted = False
        self._last_stream_id = ANY_STREAM
        self._calls_ended = False
        self._drain_wanted = trio.Event()
        self._drain_ping_answered = trio.Event()
        self._last_received_seconds = self._idle_since_seconds = trio.current_time()
        # Entered by the reader alone: its end is the end of the connection, its deadline that of
        # the client's preface and SETTINGS.
        self._reading = trio.CancelScope(
            deadline=trio.current_time() + limits.handshake_timeout_seconds
        )
        self._on_event: dict[type[Event], Callable[[Any], None]] = {
            DataReceived: self._on_data,
            RequestReceived: self._on_request,
            StreamEnded: self._on_stream_ended,
            StreamReset: self._on_stream_reset,
            WindowUpdated: self._on_window_updated,
            RemoteSettingsChanged: self._on_settings,
            PingReceived: self._on_control_frame,
            SettingsAcknowledged: self._on_control_frame,
            PingAckReceived: self._on_ping_answered,
            PriorityUpdated: self._on_control_frame,
            UnknownFrameReceived: self._on_control_frame,
            ConnectionTerminated: self._on_goodbye,
        }

    # The life of the connection.

    async def run(self) -> None:
        """Serve the peer until the connection is over, then close it."""
        peer_listens = False
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._write)
                nursery.start_soon(self._watch_silence)
                nursery.start_soon(self._watch_idleness)
                nursery.start_soon(self._drain_when_wanted)
                peer_listens = await self._read()
                if peer_listens:
                    with trio.move_on_after(FLUSH_SECONDS):
                        await self._outbound.wait_below(1)
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(LINGER_SECONDS if peer_listens else 0, shield=True):
                await self._transport.close()

    def drain(self) -> None:
        """Announce the end, let the calls in flight finish, then close (RFC 9113 §6.8)."""
        self._drain_wanted.set()

    def end_calls(self) -> None:
        """Refuse new calls and cancel those in flight; each still sends its status."""
        self._calls_ended = True
        for stream in list(self._streams.values()):
            stream.end(EndedBy.SERVER)

    async def _drain_when_wanted(self) -> None:
        """Say goodbye in two steps, so that no request on its way is lost.

        The first GOAWAY refuses nothing yet. Once the peer has answered a PING it has read that
        GOAWAY, and the second one names the last request that is served.
        """
        await self._drain_wanted.wait()
        self._sender.goaway(ANY_STREAM)
        self._sender.ping(DRAIN_PING)
        with trio.move_on_after(DRAIN_PING_SECONDS):
            await self._drain_ping_answered.wait()
        self._last_stream_id = self._h2.highest_inbound_stream_id
        self._sender.goaway(self._last_stream_id)
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        if self._last_stream_id != ANY_STREAM and not self._streams:
            self._reading.cancel()

    async def _write(self) -> None:
        self._sender.flush()
        try:
            await self._outbound.run()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the peer is gone, which the calls learn by being cancelled
        except trio.TooSlowError:
            log.info("GrpcPeerReadsNothing", peer=str(self._transport.peer))
        self._nursery.cancel_scope.cancel()

    async def _watch_silence(self) -> None:
        """Ask a silent peer for a sign of life; take it for lost when none comes."""
        while True:
            heard_seconds = self._last_received_seconds
            await trio.sleep_until(heard_seconds + self._limits.keepalive_seconds)
            if self._last_received_seconds != heard_seconds:
                continue
            self._sender.ping(KEEPALIVE_PING)
            await trio.sleep(self._limits.keepalive_timeout_seconds)
            if self._last_received_seconds == heard_seconds:
                log.info("GrpcPeerLost", peer=str(self._transport.peer))
                self._nursery.cancel_scope.cancel()

    async def _watch_idleness(self) -> None:
        """Drain a connection that has had no call for the idle timeout."""
        timeout_seconds = self._limits.idle_timeout_seconds
        while not self._drain_wanted.is_set():
            if self._streams:
                self._idle_since_seconds = trio.current_time()
            await trio.sleep_until(self._idle_since_seconds + timeout_seconds)
            idle_seconds = trio.current_time() - self._idle_since_seconds
            if not self._streams and idle_seconds >= timeout_seconds:
                self.drain()

    # Reading.

    async def _read(self) -> bool:
        """Receive until the end; return True if the peer may still read what is due to it."""
        try:
            with self._reading:
                await self._receive_until_end()
                return False
        except trio.BrokenResourceError:
            return False
        except PeerRefusedError as refusal:
            self._sender.terminate(refusal.error_code, refusal.reason)
            self._log_refusal(refusal)
        except ProtocolError as error:
            self._sender.terminate(error.error_code)
            self._log_refusal(error)
        else:
            if not self._greeted and not self._drain_wanted.is_set():
                self._sender.terminate(ErrorCodes.SETTINGS_TIMEOUT)
        return True

    async def _receive_until_end(self) -> None:
        while data := await self._transport.receive():
            self._last_received_seconds = trio.current_time()
            self._dispatch(self._h2.receive_data(data))
            for stream in self._fed:
                stream.settle()
            self._fed.clear()
            self._sender.flush()
            if self._outbound.size_bytes >= READER_PAUSE_BYTES:
                await self._outbound.wait_below(READER_PAUSE_BYTES)

    def _dispatch(self, events: list[Event]) -> None:
        if events and not self._greeted and not isinstance(events[0], RemoteSettingsChanged):
            raise PeerRefusedError(ErrorCodes.PROTOCOL_ERROR, "SETTINGS must come first")
        for event in events:
            handle = self._on_event.get(type(event))
            if handle is not None:
                handle(event)

    def _log_refusal(self, error: Exception) -> None:
        log.info("GrpcPeerRefused", peer=str(self._transport.peer), reason=str(error))

    def _on_data(self, event: DataReceived) -> None:
        if not event.data:
            self._conduct.count_control_frame()
        self._sender.received(event.flow_controlled_length)
        stream = self._streams.get(event.stream_id)
        if stream is None:
            self._sender.consumed(event.flow_controlled_length)
            return
        stream.feed(event.data, event.flow_controlled_length)
        self._fed.add(stream)

    def _on_request(self, event: RequestReceived) -> None:
        full = self._calls_ended or len(self._streams) >= self._limits.max_streams
        if full or event.stream_id > self._last_stream_id:
            self._conduct.count_reset()
            self._sender.reset(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        window_bytes = self._limits.stream_window_bytes
        stream = RequestStream(self._sender, event.stream_id, window_bytes=window_bytes)
        self._streams[event.stream_id] = stream
        headers = cast("Headers", event.headers)  # decoded, as configured
        self._nursery.start_soon(self._run_call, stream, headers)

    async def _run_call(self, stream: RequestStream, headers: Headers) -> None:
        try:
            await self._answer(stream, headers)
        except Exception:
            # Bad trailers, say: the other calls of the connection go on.
            log.exception("GrpcAnswerFailed", peer=str(self._transport.peer))
            self._sender.reset(stream.id, ErrorCodes.INTERNAL_ERROR)
        finally:
            self._release(stream)

    def _release(self, stream: RequestStream) -> None:
        """Forget a call; what its client still sends is no longer read (RFC 9113 §8.1)."""
        del self._streams[stream.id]
        self._fed.discard(stream)
        stream.abandon_body()
        self._sender.reset(stream.id, ErrorCodes.NO_ERROR)
        self._idle_since_seconds = trio.current_time()
        self._end_if_drained()

    def _on_stream_ended(self, event: StreamEnded) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.feed_end()

    def _on_stream_reset(self, event: StreamReset) -> None:
        self._conduct.count_reset()
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.end(EndedBy.PEER)

    def _on_window_updated(self, _event: WindowUpdated) -> None:
        self._conduct.count_control_frame()
        self._outbound.progress.unpark_all()

    def _on_settings(self, event: RemoteSettingsChanged) -> None:
        if not self._greeted:
            self._greeted = True
            self._reading.deadline = float("inf")
        self._on_control_frame(event)
        self._outbound.progress.unpark_all()

    def _on_control_frame(self, _event: Event) -> None:
        self._conduct.count_control_frame()

    def _on_ping_answered(self, event: PingAckReceived) -> None:
        self._conduct.count_control_frame()
        if event.ping_data == DRAIN_PING:
            self._drain_ping_answered.set()

    def _on_goodbye(self, _event: ConnectionTerminated) -> None:
        """Serve what the client has in flight, then close: it opens no more streams."""
        self._last_stream_id = self._h2.highest_inbound_stream_id
        self._end_if_drained()
