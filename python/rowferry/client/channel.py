"""A connection to the service: HTTP/2 (RFC 9113) in the clear or over TLS, many calls at once."""

import logging
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import singledispatchmethod
from typing import Final

import h2.events
import trio
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error, StreamClosedError
from hyperframe.frame import Frame, GoAwayFrame

from rowferry.client.call import Call
from rowferry.client.dialing import broken, dial, is_refusal
from rowferry.client.errors import RowferryError, TlsError, UnreachableError
from rowferry.plain_nursery import open_plain_nursery

CONNECT_TIMEOUT_SECONDS: Final = 10
CLOSE_TIMEOUT_SECONDS: Final = 2
OUTGOING_BYTES: Final = 256 * 2**10  # what senders may leave to the writer before they wait
_RECEIVE_BYTES: Final = 64 * 2**10
# Below this it writes every header into the log, the token's too.
if logging.getLogger("hpack").level == logging.NOTSET:
    logging.getLogger("hpack").setLevel(logging.INFO)
_Headers = Sequence[tuple[bytes, bytes]]


@asynccontextmanager
async def open_channel(
    host: str, port: int, *, tls: ssl.SSLContext | None = None, token: str = ""
) -> AsyncIterator["Channel"]:
    """Connect and keep the connection for the block; raise UnreachableError if it can't be.

    With ``tls`` the service must agree to HTTP/2 by ALPN; without it speaks HTTP/2 at once (h2c
    with prior knowledge). Every call shows the ``token``, if there is one.
    """
    stream = await dial(host, port, tls, timeout_seconds=CONNECT_TIMEOUT_SECONDS)
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    shown = [("authorization", f"Bearer {token}")] if token else []
    channel = Channel(stream, authority, scheme="https" if tls else "http", metadata=shown)
    async with open_plain_nursery() as nursery:
        nursery.start_soon(channel.read)
        nursery.start_soon(channel.write)
        try:
            await channel.wait_ready()
            yield channel
        finally:
            with trio.move_on_after(CLOSE_TIMEOUT_SECONDS, shield=True):
                await channel.aclose()
            nursery.cancel_scope.cancel()


class Channel:
    """Calls over one connection. ``open_channel`` makes it and runs its reader and writer."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        authority: str,
        *,
        scheme: str,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._stream = stream
        self._address = authority
        self._metadata = metadata
        self._head = [(":method", "POST"), (":scheme", scheme), (":authority", authority)]
        self._h2 = _ClientConnection(H2Configuration(client_side=True, header_encoding=None))
        self._h2.initiate_connection()
        self._calls: dict[int, Call] = {}
        self._lost: UnreachableError | None = None
        self._ready = trio.Event()
        self._over = trio.Event()
        self._draining = False
        self._closing = False
        self._written = trio.Event()
        self._outgoing_bytes = 0
        self._to_write = trio.Event()
        self._to_write.set()
        self._room = trio.lowlevel.ParkingLot()

    async def wait_ready(self) -> None:
        """Wait for the service's settings: a call before them could break its limits."""
        with trio.move_on_after(CONNECT_TIMEOUT_SECONDS):
            await self._ready.wait()
        if self._lost is not None:
            raise self._lost
        if not self._ready.is_set():
            raise UnreachableError(f"{self._address} did not answer in HTTP/2 in time.")

    @property
    def takes_calls(self) -> bool:
        """Tell whether a call can begin: the connection stands and is not about to end."""
        return self._stands and not self._draining

    @property
    def _stands(self) -> bool:
        """Tell whether frames can be sent: behind the goodbye h2 takes them for errors."""
        return self._lost is None and not self._closing

    async def wait_lost(self) -> None:
        """Wait until the connection has ended."""
        await self._over.wait()

    @asynccontextmanager
    async def call(self, path: str) -> AsyncIterator[Call]:
        """Begin a call to ``/package.Service/Method``; leaving the block early cancels it."""
        call = await self._begin(path)
        try:
            yield call
        finally:
            self._calls.pop(call.stream_id, None)
            call.acknowledge()  # or the connection's window would shrink with every call
            if not call.closed:
                self._reset(call.stream_id)
            self._room.unpark_all()

    async def unary(self, path: str, request: bytes) -> bytes:
        """Send one message and give the one that answers it."""
        async with self.call(path) as call:
            await call.ask(request)
            await call.end()
            answer = await call.receive()
            if answer is None or await call.receive() is not None:
                raise RowferryError("INTERNAL", "The server did not give exactly one answer.", {})
            return answer

    async def send_some(self, stream_id: int, data: memoryview) -> int:
        """Wait until the peer and the writer have room, send as many frames as fit."""
        await trio.lowlevel.checkpoint()
        while (room := self._send_room(stream_id)) == 0:
            await self._room.park()
        sent = 0
        while room > 0 and sent < len(data):
            part = data[sent : sent + room]
            self._h2.send_data(stream_id, part)
            self._outgoing_bytes += len(part)
            sent += len(part)
            room = self._send_room(stream_id)
        self._to_write.set()
        return sent  # 0: the call is over; the caller sees it

    async def send_end(self, stream_id: int) -> bool:
        """Half-close a stream; False if the call is over already."""
        await trio.lowlevel.checkpoint()
        if self._is_over(stream_id):
            return False
        self._h2.end_stream(stream_id)
        self._to_write.set()
        return True

    def acknowledge(self, stream_id: int, received_bytes: int) -> None:
        """Open the peer's window again."""
        if self._stands:
            self._h2.acknowledge_received_data(received_bytes, stream_id)
            self._to_write.set()

    async def read(self) -> None:
        """Take in what the service sends until the connection ends."""
        await trio.lowlevel.checkpoint()
        try:
            while data := await self._stream.receive_some(_RECEIVE_BYTES):
                if self._closing:
                    return  # h2 takes frames behind our GOAWAY for errors
                for event in self._h2.receive_data(bytes(data)):
                    self._handle(event)
                self._to_write.set()
                self._room.unpark_all()
            self._lose(f"{self._address} closed the connection.")
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            self._break(exc)
        except H2Error as exc:
            self._lose(f"{self._address} does not speak HTTP/2: {exc}")

    async def write(self) -> None:
        """Write what calls have queued. Nobody else writes, so that reading never waits for it."""
        await trio.lowlevel.checkpoint()
        try:
            while self._lost is None and not self._written.is_set():
                await self._to_write.wait()
                self._to_write = trio.Event()
                await self._write_queued()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            self._break(exc)
        finally:
            self._written.set()

    async def _write_queued(self) -> None:
        await trio.lowlevel.checkpoint()
        is_last = self._closing
        data = self._h2.data_to_send()
        self._outgoing_bytes = 0
        self._room.unpark_all()
        if data:
            await self._stream.send_all(data)
        if is_last:
            self._written.set()

    async def aclose(self) -> None:
        """Say goodbye and close; calls that still run fail."""
        if self._lost is None:
            self._h2.close_connection()
            self._closing = True
            self._to_write.set()
            await self._written.wait()
            self._lose("This side closed the connection.")
        await trio.aclose_forcefully(self._stream)

    async def _begin(self, path: str) -> Call:
        await trio.lowlevel.checkpoint()
        while self._lost is None and not self._draining and self._streams_are_out():
            await self._room.park()
        if self._lost is not None:
            raise self._lost
        if self._draining:
            raise UnreachableError(f"{self._address} is shutting down.")
        call = Call(self, self._h2.get_next_available_stream_id())
        headers = [*self._head, (":path", path), ("te", "trailers"), *self._metadata]
        headers += [("content-type", "application/grpc"), ("user-agent", "rowferry-python")]
        self._h2.send_headers(call.stream_id, headers)
        self._calls[call.stream_id] = call
        self._to_write.set()
        return call

    def _streams_are_out(self) -> bool:
        return self._h2.open_outbound_streams >= self._h2.remote_settings.max_concurrent_streams

    def _send_room(self, stream_id: int) -> int:
        """Give the bytes that may be sent now; -1 = none ever again."""
        if self._is_over(stream_id):
            return -1
        if self._outgoing_bytes >= OUTGOING_BYTES:
            return 0
        window = self._h2.local_flow_control_window(stream_id)
        return max(0, min(window, self._h2.max_outbound_frame_size))

    def _is_over(self, stream_id: int) -> bool:
        call = self._calls.get(stream_id)
        return call is None or call.finished or not self._stands

    def _reset(self, stream_id: int) -> None:
        if self._stands:
            try:
                self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
            except StreamClosedError:
                return  # the peer was faster
            self._to_write.set()

    def _break(self, failure: trio.BrokenResourceError | trio.ClosedResourceError) -> None:
        # TLS 1.3 tells only behind the handshake that a certificate is missing or not liked.
        refused = not self._ready.is_set() and is_refusal(failure.__cause__)
        self._lose(broken(self._address, failure), TlsError if refused else UnreachableError)

    def _lose(self, reason: str, kind: type[UnreachableError] = UnreachableError) -> None:
        if self._lost is None:
            self._lost = kind(reason)
        for call in self._calls.values():
            call.fail(self._lost)
        self._ready.set()
        self._over.set()
        self._to_write.set()
        self._room.unpark_all()

    @singledispatchmethod
    def _handle(self, event: h2.events.Event) -> None:
        """Take note of an event of the protocol; those that are not listed below need nothing."""

    @_handle.register
    def _(self, _: h2.events.RemoteSettingsChanged) -> None:
        self._ready.set()

    @_handle.register
    def _(self, event: h2.events.ResponseReceived) -> None:
        if call := self._calls.get(event.stream_id):
            call.feed_headers(_text(event.headers))

    @_handle.register
    def _(self, event: h2.events.DataReceived) -> None:
        if call := self._calls.get(event.stream_id):
            call.feed_data(event.data, event.flow_controlled_length)
        else:
            self.acknowledge(event.stream_id, event.flow_controlled_length)

    @_handle.register
    def _(self, event: h2.events.TrailersReceived) -> None:
        if call := self._calls.get(event.stream_id):
            call.feed_trailers(_text(event.headers))

    @_handle.register
    def _(self, event: h2.events.StreamEnded) -> None:
        if call := self._calls.get(event.stream_id):
            call.feed_end()

    @_handle.register
    def _(self, event: h2.events.StreamReset) -> None:
        if call := self._calls.get(event.stream_id):
            reason = getattr(event.error_code, "name", event.error_code)
            call.fail(UnreachableError(f"{self._address} broke the call off: {reason}."))

    @_handle.register
    def _(self, event: h2.events.ConnectionTerminated) -> None:
        self._draining = True
        for stream_id, call in self._calls.items():
            if stream_id > (event.last_stream_id or 0):
                call.fail(UnreachableError(f"{self._address} is shutting down."))


class _ClientConnection(H2Connection):
    """h2 gives up the whole connection at GOAWAY; RFC 9113 §6.8 lets calls under way end."""

    def _receive_goaway_frame(
        self, frame: GoAwayFrame
    ) -> tuple[list[Frame], list[h2.events.Event]]:
        event = h2.events.ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        return [], [event]


def _text(headers: _Headers) -> Mapping[str, str]:
    return {name.decode("ascii"): value.decode("latin-1") for name, value in headers}
