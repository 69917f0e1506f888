"""One HTTP connection: hypercorn's protocol on a stream, with a deadline for whatever is awaited.

It takes the place of hypercorn's ``TCPServer``, whose one timeout also ends slow downloads, which
answers "100-continue" unasked, and which waits for ever for an application that ended before it
had read its request.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGISendEvent, ConnectionState, TaskGroup
from hypercorn.utils import parse_socket_addr

from rowferry.wire.asgi import AsgiApp, Message, Scope, Send
from rowferry.wire.certificates import certificate_names
from rowferry.wire.http_connections import GuardedStream
from rowferry.wire.http_limits import HttpLimits
from rowferry.wire.strict_http import StrictConnection, StrictProtocol

RECEIVE_BYTES: Final = 2**18
_LOG: Final = logging.getLogger("rowferry.http")

Stream = GuardedStream | trio.SSLStream[GuardedStream]


class HttpConnection:
    """Serves the requests of one connection, one after the other.

    ``state`` is what the scopes of all its requests have as "state". :meth:`stop` ends it at its
    next pause, which may be now.
    """

    def __init__(
        self,
        app: AsgiApp,
        stream: Stream,
        *,
        config: Config,
        context: WorkerContext,
        limits: HttpLimits,
        state: dict[str, Any],
    ) -> None:
        self._app = app
        self._stream = stream
        self._config = config
        self._context = context
        self._limits = limits
        self._state = state
        self._sending = trio.Lock()
        self._waiting = trio.CancelScope()
        self._head_begun = False
        self._head_deadline = math.inf
        self._over = False
        self._protocol: StrictProtocol

    async def run(self) -> None:
        """Serve until the peer leaves, is too slow, or there is nothing more to say."""
        secured = isinstance(self._stream, trio.SSLStream)
        if isinstance(self._stream, trio.SSLStream) and not await self._shake_hands(self._stream):
            return
        with suppress(OSError):  # the peer is gone already
            await self._serve(secured=secured)

    def stop(self) -> None:
        """End the connection once no request is under way."""
        if self._between_requests:
            self._end()

    async def _shake_hands(self, stream: trio.SSLStream[GuardedStream]) -> bool:
        try:
            with trio.fail_after(self._limits.handshake_timeout_seconds):
                await stream.do_handshake()
        except (trio.BrokenResourceError, trio.TooSlowError):
            return False
        self._state["certificate_names"] = certificate_names(stream.getpeercert())
        return True

    async def _serve(self, *, secured: bool) -> None:
        stream = self._stream
        carrier = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        async with trio.open_nursery() as nursery:
            answers = _Answers(nursery, self._wait_for_continue)
            self._protocol = StrictProtocol(
                cast("AppWrapper", self._app),
                self._config,
                self._context,
                cast("TaskGroup", answers),
                ConnectionState(self._state),
                secured,
                parse_socket_addr(carrier.socket.family, carrier.socket.getpeername()),
                parse_socket_addr(carrier.socket.family, carrier.socket.getsockname()),
                self._on_event,
            )
            self._protocol.connection = StrictConnection(
                self._limits.max_head_bytes, self._limits.max_header_fields
            )
            self._head_deadline = trio.current_time() + self._limits.head_timeout_seconds
            owes_body = await self._read()
            await self._protocol.handle(Closed())
            if owes_body:
                await self._linger()

    async def _read(self) -> bool:
        """Receive to the end; tell whether the peer may be sending a body that nobody takes."""
        while not self._over:
            with trio.CancelScope(deadline=self._deadline()) as self._waiting:
                data = await self._receive()
            if self._waiting.cancelled_caught:
                await self._give_up()
                break
            await self._protocol.handle(RawData(data))
            if not data:
                return False
            self._note_head()
        return self._peer_state in {h11.SEND_BODY, h11.ERROR}

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(RECEIVE_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    @property
    def _peer_state(self) -> Any:  # noqa: ANN401  one of h11's sentinels, None of a WebSocket
        return self._protocol.connection.their_state

    @property
    def _between_requests(self) -> bool:
        return self._peer_state is h11.IDLE and not self._head_begun

    def _deadline(self) -> float:
        if self._peer_state is h11.IDLE:
            return self._head_deadline
        if self._peer_state is h11.SEND_BODY:
            return trio.current_time() + self._limits.body_timeout_seconds
        return math.inf

    def _note_head(self) -> None:
        """Let a request's time begin with its first byte, however long the pause before it."""
        begun = self._peer_state is h11.IDLE
        if begun and not self._head_begun:
            time_limit = trio.current_time() + self._limits.head_timeout_seconds
            self._head_deadline = min(self._head_deadline, time_limit)
        self._head_begun = begun

    async def _give_up(self) -> None:
        """Say why to a peer that was too slow; nothing to one that was only idle."""
        if self._head_begun and not self._over:
            await self._protocol.refuse(408)

    def _end(self) -> None:
        self._over = True
        self._waiting.cancel()

    async def _on_event(self, event: Event) -> None:
        if isinstance(event, RawData):
            await self._send(event.data)
        elif isinstance(event, Closed):
            self._end()
        elif isinstance(event, Updated) and event.idle:
            self._head_begun = False
            self._head_deadline = trio.current_time() + self._limits.keep_alive_seconds
            self._waiting.deadline = self._head_deadline
            if self._context.terminated.is_set():
                self._end()

    async def _send(self, data: bytes) -> None:
        async with self._sending:
            try:
                # half an answer would spoil the connection; a stalled send ends by itself
                with trio.CancelScope(shield=True):
                    await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._end()

    async def _wait_for_continue(self) -> None:
        await self._protocol.continue_if_wanted()

    async def _linger(self) -> None:
        """Read and drop what still comes, so that the peer gets to read its answer.

        Closing a socket that has unread input makes the kernel send a reset.
        """
        with trio.move_on_after(self._limits.linger_seconds):
            if isinstance(self._stream, GuardedStream):
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._stream.send_eof()
            while await self._receive():
                pass


class _Answers:
    """The tasks that answer a connection's requests; the shape of hypercorn's ``TaskGroup``."""

    def __init__(self, nursery: trio.Nursery, before_body: Callable[[], Awaitable[None]]) -> None:
        self._nursery = nursery
        self._before_body = before_body

    async def spawn_app(
        self,
        app: AsgiApp,
        config: Config,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[Message], Awaitable[None]]:
        """Start the application on a request; give what its messages are put with."""
        to_app, from_peer = trio.open_memory_channel[Message](config.max_app_queue_size)
        end: list[Message] = []  # the disconnect, once there is one
        self._nursery.start_soon(self._answer, app, scope, from_peer, end, send)

        async def put(message: Message) -> None:
            if message["type"].endswith(".disconnect"):
                # waits for no room: the application may be the one that puts it, by its answer
                end.append(message)
                to_app.close()
                return
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # it has ended
                await to_app.send(message)

        return put

    def spawn(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> None:  # noqa: ANN401
        """Start a task beside the connection."""
        self._nursery.start_soon(partial(function, *arguments))

    async def _answer(
        self,
        app: AsgiApp,
        scope: Scope,
        messages: "trio.MemoryReceiveChannel[Message]",
        end: Sequence[Message],
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> None:
        async def receive() -> Message:
            await self._before_body()
            try:
                return await messages.receive()
            except trio.EndOfChannel:
                return end[0]

        try:
            with messages:
                await app(scope, receive, cast("Send", send))
        except* Exception:  # noqa: BLE001  one request must not end the others
            _LOG.exception("A request failed.")
        await send(None)
