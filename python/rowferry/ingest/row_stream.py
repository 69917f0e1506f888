"""What the doors' streams of rows have in common, whatever carries them.

The contract's messages are every door's vocabulary: a door turns what its clients send into
``ExportRequest`` messages and encoded batches, and ``ExportResponse`` messages into what its
clients understand.
"""

from enum import Enum, auto
from typing import Protocol, TypeAlias

from rowferry.v1 import export_pb2 as pb
from rowferry.wire.message_admission import MessageAdmission
from rowferry.wire.request_codec import RawBatch


class BodyEnd(Enum):
    """How one request of several ends that bring an export's rows."""

    LAST_OF_BODY = auto()
    """This request has no more rows; another one may."""


LAST_OF_BODY = BodyEnd.LAST_OF_BODY

RowMessage: TypeAlias = RawBatch | pb.ExportRequest | BodyEnd | None
"""None ends the rows."""


class RowStream(Protocol):
    """One connection, or one request, that brings rows."""

    body_admission: MessageAdmission | None
    """To be asked before the bytes of a message are held."""

    async def recv_message(self) -> RowMessage:
        """Give the next message: metadata or resume, then batches, then finish or an end.

        May be cancelled at any point and called again: no byte of a message is lost. Raises
        RowferryError, or one of ``wire.grpc_failure``, for what can't be understood.
        """

    def buffered_message_ready(self) -> bool:
        """Whether a whole further message has arrived, so that receiving it won't wait."""

    async def send_message(self, message: pb.ExportResponse) -> None:
        """Send ``task_created`` or an ``ack``."""

    async def wait_writable(self) -> None:
        """Wait until a message would not wait for the peer to read."""
