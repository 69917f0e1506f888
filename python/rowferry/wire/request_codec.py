"""The codec of the rows' door: batches stay bytes, everything else becomes messages.

An ``ExportRequest`` that carries a batch is never decoded here: the handler gets the buffer and
the offset at which the encoded ``RecordBatch`` begins, and hands both to the core.
Wire format: https://protobuf.dev/programming-guides/encoding/.
"""

from typing import Any, Final

from google.protobuf.message import DecodeError, Message
from grpclib.encoding.base import CodecBase

from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from rowferry.v1 import export_pb2 as pb

_BATCH_TAG: Final = 0x12  # field 2, length-delimited
_PAYLOAD_FIELDS: Final = frozenset({1, 2, 3, 4})  # metadata, batch, finish, resume
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class RawBatch:
    """A message's buffer and where its encoded RecordBatch begins; it ends with the buffer."""

    __slots__ = ("buffer", "offset")

    def __init__(self, buffer: bytes, offset: int) -> None:
        self.buffer = buffer
        self.offset = offset


class RequestCodec(CodecBase):
    """Protobuf, but an ExportRequest with a batch becomes a ``RawBatch``."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:  # noqa: ANN401  grpclib's signature
        """Serialise a reply."""
        if not isinstance(message, message_type):
            raise TypeError(message)
        encoded: bytes = message.SerializeToString()
        return encoded

    def decode(self, data: bytes, message_type: Any) -> Any:  # noqa: ANN401  grpclib's signature
        """Parse a request; raise INVALID_METADATA or INVALID_ROW for what can't be parsed."""
        if message_type is pb.ExportRequest:
            return decode_export_request(data)
        return _parse(data, message_type)


def decode_export_request(data: bytes) -> "RawBatch | pb.ExportRequest":
    """Tell a batch from everything else; refuse two payloads in one message."""
    if data[:1] == b"\x12":
        size, offset = _varint(data, 1)
        if offset + size == len(data):
            return RawBatch(data, offset)
    payloads = _payload_fields(data)
    if len(payloads) > 1:
        message = "A request carries one payload: metadata, batch, finish or resume."
        raise RowferryError(ErrorCode.INVALID_ROW, message, {"expected": 1, "got": len(payloads)})
    if payloads and payloads[0][0] == _BATCH_TAG >> 3:
        _, start, end = payloads[0]
        return RawBatch(data[start:end], 0)
    request: pb.ExportRequest = _parse(data, pb.ExportRequest)
    return request


def _parse(data: bytes, message_type: type[Message]) -> Any:  # noqa: ANN401
    try:
        return message_type.FromString(data)
    except DecodeError as error:
        message = f"The message is not a valid {message_type.DESCRIPTOR.name}."
        raise invalid_metadata("", message, got=f"{len(data)} bytes") from error


def _payload_fields(data: bytes) -> list[tuple[int, int, int]]:
    """Give (field number, start, end) of each payload, in the order they came."""
    found = []
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        start, position = _field_bounds(data, position, wire_type)
        if number in _PAYLOAD_FIELDS and wire_type == _BYTES:  # else it is an unknown field
            found.append((number, start, position))
    return found


def _field_bounds(data: bytes, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _BYTES:
        size, position = _varint(data, position)
        end = position + size
    elif wire_type == _VARINT:
        _, end = _varint(data, position)
    elif wire_type in {_FIXED64, _FIXED32}:
        end = position + (8 if wire_type == _FIXED64 else 4)
    else:
        raise _malformed(data)
    if end > len(data):
        raise _malformed(data)
    return position, end


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004  the continuation bit
            return value, position
    raise _malformed(data)


def _malformed(data: bytes) -> RowferryError:
    message = "The message is not a valid ExportRequest."
    return RowferryError(ErrorCode.INVALID_ROW, message, {"got": f"{len(data)} bytes"})
