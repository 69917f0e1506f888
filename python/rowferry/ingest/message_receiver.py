"""The messages of one stream, with the patience and the memory that the service has for them."""

import math
from collections.abc import Callable

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.byte_budget import MessageAccount
from rowferry.ingest.row_stream import LAST_OF_BODY, RowMessage, RowStream
from rowferry.wire.error_status import transport_error
from rowferry.wire.grpc_failure import MalformedRequestError, MessageTooLargeError


class MessageReceiver:
    """Receives; the stream's ``MessageAdmission``, whose bytes are on ``account``."""

    def __init__(
        self, stream: RowStream, account: MessageAccount, idle_timeout_seconds: float
    ) -> None:
        self._stream = stream
        self._account = account
        self._idle_timeout_seconds = idle_timeout_seconds
        self._silence = trio.CancelScope()
        self._called_back = False
        self.body_over = False
        """Nothing more comes by this stream."""
        self.more_may_come = False
        """The stream has ended, the rows have not."""
        stream.body_admission = self

    async def receive(self) -> RowMessage:
        """Wait for a message, None at half-close; raise STREAM_IDLE after a long silence."""
        if not self._called_back:
            with trio.move_on_after(self._idle_timeout_seconds) as self._silence:
                message = await self._received()
                self._account.keep()
                self.body_over = message is None or message is LAST_OF_BODY
                self.more_may_come = message is LAST_OF_BODY
                return message
        raise self._stalled() if self._called_back else self._silent()

    async def _received(self) -> RowMessage:
        """Receive; raise what refuses a message without what holds its bytes.

        The calls that failed would keep them, off every account, until garbage is collected.
        """
        try:
            return await self._stream.recv_message()
        except RowferryError as error:
            refusal = error.with_traceback(None)
            refusal.__cause__ = refusal.__context__ = None
        except (MessageTooLargeError, MalformedRequestError) as error:
            refusal = transport_error(error)
        raise refusal

    def more_is_here(self) -> bool:
        """Tell whether a further message is here and may be held at once."""
        return self._stream.buffered_message_ready() and self._account.can_hold_more()

    def _silent(self) -> RowferryError:
        seconds = self._idle_timeout_seconds
        message = f"Nothing came for {seconds:g} seconds."
        return RowferryError(ErrorCode.STREAM_IDLE, message, {"idle_timeout_seconds": seconds})

    def _stalled(self) -> RowferryError:
        message = "The rest of a message came too slowly while others waited for its memory."
        return RowferryError(ErrorCode.STREAM_IDLE, message)

    # The stream's admission.

    async def admit(self, size_bytes: int) -> None:
        """Wait until a message that is here may be held: no silence of the client."""
        self._silence.deadline = math.inf
        await self._account.acquire(size_bytes)
        self.note_progress()

    async def admit_rest(self, size_bytes: int, arrived_bytes: Callable[[], int]) -> None:
        """Wait until a message that is still being sent may be held."""
        self._silence.deadline = math.inf
        await self._account.borrow(size_bytes, arrived_bytes, self._call_back)
        self.note_progress()

    def note_progress(self) -> None:
        """Let the client's silence begin anew."""
        self._silence.deadline = trio.current_time() + self._idle_timeout_seconds

    def _call_back(self) -> None:
        """End the receive that waits for the rest of a message."""
        self._called_back = True
        self._silence.cancel()
