"""The stream that handlers are given: grpclib's, with limits, inflation and peeking added."""

import struct
from typing import Any, Final, cast

from google.protobuf.message import DecodeError
from grpclib.const import Status
from grpclib.encoding.base import CodecBase, StatusDetailsCodecBase
from grpclib.events import _DispatchServerEvents
from grpclib.exceptions import GRPCError, ProtocolError
from grpclib.metadata import Deadline, _Metadata, _MetadataLike, encode_metadata
from grpclib.server import Stream
from multidict import MultiDict

from rowferry.wire.certificates import certificate_names
from rowferry.wire.grpc_compression import ACCEPTED_ENCODINGS, inflate
from rowferry.wire.grpc_failure import CallFailure, MalformedRequestError, MessageTooLargeError
from rowferry.wire.grpc_request import CallRequest
from rowferry.wire.h2_stream import RequestStream
from rowferry.wire.h2_transport import Peer
from rowferry.wire.message_admission import MessageAdmission

# gRPC over HTTP/2, "Length-Prefixed-Message": compressed-flag and length, then the message.
_PREFIX: Final = struct.Struct(">BI")
_PLAIN, _COMPRESSED = 0, 1
_STATUS_DETAILS: Final = "grpc-status-details-bin"


class EncodedStatusDetails(StatusDetailsCodecBase):
    """Passes on details that are encoded already; grpclib takes them in no other form."""

    def encode(self, status: Status, message: str | None, details: Any) -> bytes:  # noqa: ANN401, ARG002  grpclib's signature
        """Return the details as they are."""
        return cast("bytes", details)

    def decode(self, status: Status, message: str | None, data: bytes) -> Any:  # noqa: ANN401, ARG002  grpclib's signature
        """Return the details as they are."""
        return data


class CallStream(Stream[Any, Any]):
    """``grpclib.server.Stream`` on this package's transport.

    Beyond grpclib: messages over the limit are refused by their length alone, gzip and deflate are
    understood, a receive that is cancelled loses nothing, and a handler can see whether a message
    is there already and whether its own next message would wait for the peer.
    """

    def __init__(
        self,
        stream: RequestStream,
        request: CallRequest,
        *,
        codec: CodecBase,
        dispatch: _DispatchServerEvents,
        max_message_bytes: int,
    ) -> None:
        timeout = request.timeout_seconds
        super().__init__(
            stream,  # type: ignore[arg-type]  # used like grpclib's own, of another loop
            request.path,
            request.method.cardinality,
            request.method.request_type,
            request.method.reply_type,
            codec=codec,
            status_details_codec=EncodedStatusDetails(),
            dispatch=dispatch,
            deadline=None if timeout is None else Deadline.from_timeout(timeout),
            user_agent=request.user_agent,
        )
        self._body = stream
        self._encoding = request.encoding
        self._max_message_bytes = max_message_bytes
        self._admitted = False
        self.body_admission: MessageAdmission | None = None

    @property
    def peer_address(self) -> str:
        """The peer as ``host:port``, or "local"."""
        return str(self.peer)

    @property
    def certificate_names(self) -> tuple[str, ...]:
        """The names in the peer's certificate; none if it showed no certificate."""
        return certificate_names(self.peer.cert())

    def serve_connection(self, client: str) -> None:
        """Count the connection as a client's; raise RATE_LIMITED if that is one too many."""
        place = cast("Peer", self.peer).place
        if place is not None:
            place.serve(client)

    # Receiving.

    async def recv_message(self) -> Any | None:  # noqa: ANN401  the codec decides
        """Return the next message, None after the last.

        May be cancelled at any point and called again: no byte of a message is lost. Passes no
        checkpoint when the message is there already.

        Raises:
            MessageTooLargeError: its body is left unread, the stream can't be read further.
            MalformedRequestError: the body ended inside a message, or the message is broken.
            GRPCError: UNIMPLEMENTED for a unary request without a message.

        """
        prefix_bytes = await self._body.fill(_PREFIX.size)
        if not prefix_bytes:
            self._check_end_of_messages()
            return None
        flag, length = self._read_prefix()
        await self._assemble(length)
        self._body.take(_PREFIX.size)
        data = self._body.take(length)
        self._body.give_up_assembly()
        self._admitted = False
        if flag == _COMPRESSED:
            data = await inflate(data, self._encoding, limit_bytes=self._max_message_bytes)
        (message,) = await self._dispatch.recv_message(self._decode(data))
        self._messages_received += 1
        return message

    async def _assemble(self, length: int) -> None:
        """Wait until a message is here and may be held.

        It is asked for before it is here only where the connection has no room of its own for it:
        what waits for a client should hold nothing that others wait for.
        """
        whole_bytes = _PREFIX.size + length
        admission = None if self._admitted else self.body_admission
        if admission is not None and not self._has_room_for(whole_bytes):
            await admission.admit_rest(length, lambda: self._body.buffered_bytes)
            self._admitted, admission = True, None
        if await self._body.fill(whole_bytes) < whole_bytes:
            raise MalformedRequestError("the request ended inside a message")
        if admission is not None:
            await admission.admit(length)
            self._admitted = True

    def _has_room_for(self, whole_bytes: int) -> bool:
        return self._body.buffered_bytes >= whole_bytes or self._body.begin_assembly(whole_bytes)

    def buffered_message_ready(self) -> bool:
        """Whether a whole further message has arrived, so that receiving it won't wait."""
        buffered_bytes = self._body.buffered_bytes
        if buffered_bytes < _PREFIX.size:
            return False
        _, length = _PREFIX.unpack(self._body.peek(_PREFIX.size))
        return bool(buffered_bytes >= _PREFIX.size + length)

    def _read_prefix(self) -> tuple[int, int]:
        prefix = self._body.peek(_PREFIX.size)
        if len(prefix) < _PREFIX.size:
            raise MalformedRequestError("the request ended inside a message")
        flag, length = _PREFIX.unpack(prefix)
        if flag not in (_PLAIN, _COMPRESSED):
            raise MalformedRequestError("the compressed-flag of a message is neither 0 nor 1")
        if length > self._max_message_bytes:
            raise MessageTooLargeError(self._max_message_bytes)
        return flag, length

    def _check_end_of_messages(self) -> None:
        if not self._cardinality.client_streaming and not self._messages_received:
            raise GRPCError(Status.UNIMPLEMENTED, "the request has no message")

    def _decode(self, data: bytes) -> Any:  # noqa: ANN401  the codec decides
        try:
            return self._codec.decode(data, self._recv_type)
        except DecodeError as error:
            raise MalformedRequestError("the message can't be parsed") from error

    # Sending.

    async def send_initial_metadata(self, *, metadata: _MetadataLike | None = None) -> None:
        """Send the response headers; a client that reads while it writes waits for them."""
        if self._send_initial_metadata_done:
            raise ProtocolError("initial metadata was already sent")
        (sent,) = await self._dispatch.send_initial_metadata(
            cast("_Metadata", MultiDict(metadata or ()))
        )
        await self._body.send_headers(
            [*response_headers(self._content_type), *encode_metadata(sent)]
        )
        self._send_initial_metadata_done = True

    async def send_message(self, message: Any) -> None:  # noqa: ANN401  the codec decides
        """Send a message as the peer's windows allow; see :meth:`send_would_block`."""
        if not self._send_initial_metadata_done:
            await self.send_initial_metadata()
        if self._send_message_done and not self._cardinality.server_streaming:
            raise ProtocolError("the one message of this call was already sent")
        (message,) = await self._dispatch.send_message(message)
        data = self._codec.encode(message, self._send_type)
        await self._body.send_data(_PREFIX.pack(_PLAIN, len(data)) + data)
        self._send_message_done = True
        self._messages_sent += 1

    def send_would_block(self, message_bytes: int = 64) -> bool:
        """Whether sending a message of about that size would wait for the peer to read."""
        return self._body.send_would_block(_PREFIX.size + message_bytes)

    async def wait_writable(self, message_bytes: int = 64) -> None:
        """Wait until :meth:`send_would_block` is False."""
        await self._body.wait_writable(_PREFIX.size + message_bytes)

    # The end of the call.

    def reply_is_missing(self) -> bool:
        """Whether the handler of a call with one reply ended without it."""
        return not (
            self._cardinality.server_streaming
            or self._send_message_done
            or self._send_trailing_metadata_done
            or self._cancel_done
        )

    async def finish(self, failure: CallFailure | None) -> None:
        """Send the trailers, unless the handler or the peer has ended the stream.

        The headers go out in a frame of their own even when nothing else was sent: curl loses the
        status of a Trailers-Only answer to an upload that is still going on.
        """
        if self._send_trailing_metadata_done or not self._body.closable:
            return
        if not self._send_initial_metadata_done:
            await self.send_initial_metadata()
        if failure is None:
            await self.send_trailing_metadata()
            return
        metadata = dict(failure.metadata)
        await self.send_trailing_metadata(
            status=failure.status,
            status_message=failure.message or None,
            status_details=metadata.pop(_STATUS_DETAILS, None),
            metadata=metadata,
        )


def response_headers(content_type: str) -> list[tuple[str, str]]:
    """Return the headers every response begins with ("Response-Headers")."""
    return [
        (":status", "200"),
        ("content-type", content_type),
        ("grpc-accept-encoding", ",".join(ACCEPTED_ENCODINGS)),
    ]
