"""The bytes of a request's body, received beside whatever the request is about.

Receiving stops while enough is here that nobody has taken: the server stops reading the socket
then, and the client has to wait.
"""

from collections.abc import Callable
from typing import Final

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.signal import Signal
from rowferry.wire.asgi import HttpStatusError, Receive

READ_AHEAD_BYTES: Final = 256 << 10
LOOSE_PIECES: Final = 1024  # then they are joined: a small piece costs more than its bytes
SMALL_BODY_BYTES: Final = 1 << 20
SMALL_BODY_SECONDS: Final = 30.0
_REQUEST_TIMEOUT: Final = 408


class RequestBody:
    """The body of one request, a ``BodyBytes``; ``run`` receives it, once somebody waits for it.

    A client that asks whether to go on ("100-continue") is told so by the server when receiving
    begins: a request that is refused before that is never sent in full.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._pieces: list[bytes] = []
        self._changed = Signal()
        self._is_wanted = False
        self.size_bytes = 0
        self.is_over = False

    async def run(self, lost: Callable[[], None]) -> None:
        """Receive to the end; call ``lost`` if the client goes away before it."""
        while not self.is_over:
            await self._changed.wait_for(self._has_room)
            event = await self._receive()
            if event["type"] == "http.disconnect":
                lost()
                return
            piece = event.get("body", b"")
            if piece:
                self._hold(piece)
            self.is_over = not event.get("more_body", False)
            self._changed.notify()

    def _hold(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.size_bytes += len(piece)
        if len(self._pieces) == LOOSE_PIECES:
            self._pieces = [b"".join(self._pieces)]

    def _has_room(self) -> bool:
        return self._is_wanted and self.size_bytes < READ_AHEAD_BYTES

    async def grow(self) -> None:
        """Wait until more is here than now, or until the body is over."""
        size_bytes = self.size_bytes
        self._is_wanted = True
        self._changed.notify()
        await self._changed.wait_for(lambda: self.is_over or self.size_bytes > size_bytes)

    def take(self) -> bytes:
        """Give what is here, and let more come."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size_bytes = 0
        self._changed.notify()
        return taken

    async def read_small(self) -> bytes:
        """Give the whole of a body that has ``SMALL_BODY_BYTES`` at most.

        Raises TOO_LARGE, and STREAM_IDLE when it takes more than ``SMALL_BODY_SECONDS``.
        """
        body = bytearray()
        with trio.move_on_after(SMALL_BODY_SECONDS):
            while True:
                is_last = self.is_over
                body += self.take()
                if len(body) > SMALL_BODY_BYTES:
                    too_long = f"The body is longer than {SMALL_BODY_BYTES} bytes."
                    raise RowferryError(ErrorCode.TOO_LARGE, too_long, {"limit": SMALL_BODY_BYTES})
                if is_last:
                    return bytes(body)
                await self.grow()
        late = f"The body did not come within {SMALL_BODY_SECONDS:.0f} s."
        raise HttpStatusError(_REQUEST_TIMEOUT, ErrorCode.STREAM_IDLE, late)
