"""What a peer has sent and its handler has not taken yet: bounded, in order, without any I/O."""

from collections import deque
from typing import Final, TypeAlias, cast

import trio

from rowferry.wire.grpc_failure import MessageTooLargeError
from rowferry.wire.message_admission import MessageAdmission
from rowferry.wire.websocket_limits import MESSAGE_COST_BYTES, WebSocketLimits

Message: TypeAlias = str | bytes

LOOSE_PIECES: Final = (
    1024  # then they are joined, so that small ones cost no more than their bytes
)


class PeerLeftError(Exception):
    """The peer has closed the connection, or is lost; nothing more comes, nothing can be sent."""


class Inbox:
    """Messages of one connection: put together by its reader, taken by its handler.

    ``admission`` is asked before a binary message is handed out, or before more of it is held than
    the window allows.
    """

    def __init__(self, limits: WebSocketLimits) -> None:
        self._limits = limits
        self._messages: deque[Message] = deque()
        self._pieces: list[Message] = []
        self._loose_pieces = 0
        self._pieces_bytes = 0
        self._expected_bytes = 0
        self._held_bytes = 0
        self._admitted_bytes = 0
        self._failure: Exception | None = None
        self._arrived = trio.lowlevel.ParkingLot()
        self._taken = trio.lowlevel.ParkingLot()
        self.admission: MessageAdmission | None = None

    # The reader's side.

    async def feed(self, piece: Message, *, whole: bool, frame_bytes: int = 0) -> None:
        """Add the next piece of a message, and wait while too much is held.

        ``whole``: it is the last one. ``frame_bytes`` is the message's length, where that is known
        from its only frame. After a failure everything is dropped.
        """
        if self._failure is not None:
            return
        if max(frame_bytes, self._pieces_bytes + len(piece)) > self._limit_of(piece):
            self.fail(MessageTooLargeError(self._limit_of(piece)))
            return
        self._hold(piece, frame_bytes)
        if whole:
            self._finish()
        self._arrived.unpark_all()
        while self.blocks_reader:
            await self._taken.park()

    def fail(self, failure: Exception) -> None:
        """Let the handler have what is whole, then ``failure``; more is not taken in."""
        if self._failure is None:
            self._failure = failure
            self._pieces.clear()
        self._arrived.unpark_all()
        self._taken.unpark_all()

    @property
    def blocks_reader(self) -> bool:
        """Whether the reader waits for the handler, so that silence is no sign of a lost peer."""
        return self._failure is None and self._is_full

    def _limit_of(self, piece: Message) -> int:
        limits = self._limits
        return limits.max_text_bytes if isinstance(piece, str) else limits.max_message_bytes

    def _hold(self, piece: Message, frame_bytes: int) -> None:
        if not self._pieces:
            self._held_bytes += MESSAGE_COST_BYTES
            self._expected_bytes = frame_bytes or self._limit_of(piece)
        self._pieces.append(piece)
        self._pieces_bytes += len(piece)
        self._held_bytes += len(piece)
        self._loose_pieces += 1
        if self._loose_pieces == LOOSE_PIECES:
            self._pieces[-LOOSE_PIECES:] = [_joined(self._pieces[-LOOSE_PIECES:])]
            self._loose_pieces = 0

    def _finish(self) -> None:
        self._messages.append(_joined(self._pieces))
        self._pieces = []
        self._pieces_bytes = self._loose_pieces = 0

    @property
    def _is_full(self) -> bool:
        return self._held_bytes > self._limits.window_bytes + self._admitted_bytes

    # The handler's side.

    async def take(self) -> Message:
        """Give the next message.

        May be cancelled at any point and called again: nothing is lost. Passes no checkpoint when
        the message is there already and admitted.

        Raises:
            PeerLeftError: the peer has gone, and everything it sent was taken.
            MessageTooLargeError: the message is over the limit.

        """
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            if self._is_full:
                await self._admit_rest(self._expected_bytes)
            else:
                await self._arrived.park()
        message = self._messages[0]
        if isinstance(message, bytes):
            await self._admit(len(message))
        self._messages.popleft()
        self._held_bytes -= len(message) + MESSAGE_COST_BYTES
        self._admitted_bytes = 0
        self._taken.unpark_all()
        return message

    @property
    def whole_message_ready(self) -> bool:
        """Whether taking the next message would wait for nothing but its admission."""
        return bool(self._messages)

    async def wait_empty(self) -> None:
        """Wait until the handler has taken every whole message."""
        while self._messages:
            await self._taken.park()

    async def _admit(self, size_bytes: int) -> None:
        if self._admitted_bytes:
            return
        if self.admission is not None:
            await self.admission.admit(size_bytes)
        self._note_admitted(size_bytes)

    async def _admit_rest(self, size_bytes: int) -> None:
        if self.admission is not None:
            await self.admission.admit_rest(size_bytes, lambda: self._held_bytes)
        self._note_admitted(size_bytes)

    def _note_admitted(self, size_bytes: int) -> None:
        self._admitted_bytes = max(size_bytes, 1)
        self._taken.unpark_all()


def _joined(pieces: list[Message]) -> Message:
    """Put a message together; all its pieces are of one type."""
    if len(pieces) == 1:
        return pieces[0]
    if isinstance(pieces[0], str):
        return "".join(cast("list[str]", pieces))
    return b"".join(cast("list[bytes]", pieces))
