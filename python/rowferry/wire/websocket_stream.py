"""The byte stream under one WebSocket connection, with the patience that it lacks."""

from contextlib import suppress
from typing import Final

import trio

from rowferry.wire.h2_transport import Peer, TransportStream, peer_of
from rowferry.wire.lean_structlog import structlog
from rowferry.wire.websocket_limits import HANDSHAKE_RECEIVE_BYTES, WebSocketLimits

log = structlog.get_logger(__name__)

LINGER_SECONDS: Final = 1.0


class PeerStream(trio.abc.Stream):
    """A stream that takes little before the handshake is over, and waits for no peer for ever."""

    def __init__(self, stream: TransportStream, limits: WebSocketLimits) -> None:
        self._stream = stream
        self._limits = limits
        self._closing = False
        self._sending = trio.Lock()
        self._torn = False
        self._input_over = trio.Event()
        self.peer: Peer = peer_of(stream)
        self.handshake_over = False
        self.nothing_more_comes = False
        """The closing handshake is over."""
        self.heard_seconds = trio.current_time()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive as ``trio.abc.ReceiveStream`` does, and note that the peer lives."""
        if not self.handshake_over:
            max_bytes = HANDSHAKE_RECEIVE_BYTES
        self._input_over = trio.Event()
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BusyResourceError as error:  # closing has begun, and reads to the end itself
            self._input_over.set()
            raise trio.ClosedResourceError from error
        except BaseException:
            self._input_over.set()
            raise
        self.heard_seconds = trio.current_time()
        if not data:
            self._input_over.set()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything; a peer that takes nothing for too long is lost.

        After a send that was cancelled in the middle of a frame nothing can be sent any more.
        """
        async with self._sending:
            if self._torn:
                raise trio.BrokenResourceError("an earlier frame was sent in part")
            await trio.lowlevel.checkpoint_if_cancelled()
            self._torn = True
            with trio.move_on_after(self._limits.write_timeout_seconds):
                await self._stream.send_all(data)
                self._torn = False
            if self._torn:
                log.info("WebSocketPeerReadsNothing", peer=str(self.peer))
                await trio.aclose_forcefully(self._stream)
                raise trio.BrokenResourceError("the peer reads nothing")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a short message would be taken at once."""
        async with self._sending:  # a stream has one sender at a time, and who waits is one
            await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close; where the peer may still send, only after it has closed too, or after a second.

        Closing a socket that has unread input makes the kernel send a reset, at which the peer may
        drop what it has not read yet: the reason it was refused for, say.
        """
        if self._closing:
            return
        self._closing = True
        try:
            if not self.nothing_more_comes:
                with trio.move_on_after(LINGER_SECONDS):
                    await self._end_in_turn()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the peer was faster: nothing is left to protect
        finally:
            with trio.move_on_after(LINGER_SECONDS, shield=True):
                with suppress(trio.BrokenResourceError):
                    await self._stream.aclose()

    async def _end_in_turn(self) -> None:
        if not isinstance(self._stream, trio.SSLStream):
            async with self._sending:  # a frame may be under way: it has until the linger is over
                await self._stream.send_eof()
        try:
            while await self._stream.receive_some(self._limits.receive_bytes):
                pass
        except trio.BusyResourceError:
            await self._input_over.wait()  # the connection's reader drops what comes
