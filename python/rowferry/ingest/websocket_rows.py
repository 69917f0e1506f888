"""A WebSocket as a stream of rows: frames become the contract's messages, and a credit grows.

The credit is the number of bytes of binary messages that a client may have sent on its connection
so far. It is ahead of what the door has taken by a fixed window, so it stands still while the door
pauses, and a browser, whose ``send`` buffers without bound, knows when to wait.
"""

from typing import Any, Final

import trio

from rowferry.domain.errors import invalid_metadata
from rowferry.domain.view import TaskView
from rowferry.export.signal import Signal
from rowferry.ingest import websocket_messages as frames
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.message_admission import MessageAdmission
from rowferry.wire.request_codec import RawBatch
from rowferry.wire.websocket_connection import ServedConnection

HEARTBEAT_SECONDS: Final = 15.0


class WebSocketRows:
    """One connection's ``RowStream``; ``first_frame`` was read before it was known who calls."""

    def __init__(
        self, connection: ServedConnection, first_frame: dict[str, Any], *, window_bytes: int
    ) -> None:
        self._connection = connection
        self._first_frame: dict[str, Any] | None = first_frame
        self._window_bytes = window_bytes
        self._taken_bytes = 0
        self._announced_bytes = 0
        self._open = False
        self._changed = Signal()

    @property
    def body_admission(self) -> MessageAdmission | None:
        """What is awaited with a batch's bytes before they are held."""
        return self._connection.inbox.admission

    @body_admission.setter
    def body_admission(self, admission: MessageAdmission | None) -> None:
        self._connection.inbox.admission = admission

    # Receiving.

    async def recv_message(self) -> RawBatch | pb.ExportRequest:
        """Give the next message; raise PeerLeftError when there will be none.

        May be cancelled at any point and called again: nothing is lost.
        """
        if self._first_frame is not None:
            frame, self._first_frame = self._first_frame, None
            return frames.request_of(frame)
        message = await self._connection.inbox.take()
        if isinstance(message, str):
            return frames.request_of(frames.control_frame(message))
        self._take(len(message))
        return RawBatch(message, 0)

    def buffered_message_ready(self) -> bool:
        """Whether a whole further message has arrived."""
        return self._connection.inbox.whole_message_ready

    def _take(self, size_bytes: int) -> None:
        self._taken_bytes += size_bytes
        if not self._open or self._taken_bytes > self._announced_bytes:
            message = "More bytes of batches were sent than there was credit for."
            expected = f"at most {self._announced_bytes if self._open else 0}"
            raise invalid_metadata(
                "credit_bytes", message, expected=expected, got=self._taken_bytes
            )
        self._changed.notify()

    # Sending.

    async def send_message(self, message: pb.ExportResponse) -> None:
        """Send ``task_created`` or an ack, and the credit as it is now."""
        if message.HasField("task_created"):
            self._open = True
            self._connection.notes["task_id"] = message.task_created.task_id
        else:
            self._connection.notes["next_sequence"] = message.ack.batch_sequence + 1
            self._connection.notes["rows_received"] = message.ack.rows
        await self._connection.send_text(frames.response_text(message, self._announce()))

    async def send_result(self, view: TaskView) -> None:
        """Send the outcome: the last message."""
        await self._connection.send_text(frames.result_text(view))

    async def send_credit(self) -> None:
        """Raise the credit whenever no ack has done it for a while; runs until cancelled.

        Pages are not told of pings: a heartbeat now and then shows them that the network is there.
        """
        while True:
            with trio.move_on_after(HEARTBEAT_SECONDS) as quiet:
                await self._changed.wait_for(lambda: self._credit_is_due)
            await self._connection.wait_writable()
            if self._credit_is_due:
                await self._connection.send_text(frames.credit_text(self._announce()))
            elif quiet.cancelled_caught:
                await self._connection.send_text(frames.HEARTBEAT)
            await trio.lowlevel.checkpoint()

    async def wait_writable(self) -> None:
        """Wait until a message would not wait for the peer to read."""
        await self._connection.wait_writable()

    @property
    def _credit_is_due(self) -> bool:
        behind_bytes = self._taken_bytes + self._window_bytes - self._announced_bytes
        return self._open and behind_bytes >= self._window_bytes // 4

    def _announce(self) -> int:
        self._announced_bytes = self._taken_bytes + self._window_bytes
        return self._announced_bytes
