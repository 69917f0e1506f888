"""gRPC messages that are what they are: bytes."""

from grpclib.encoding.base import CodecBase


class BytesCodec(CodecBase):
    """Messages are bytes."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: type[bytes]) -> bytes:
        assert isinstance(message, message_type)
        return message

    def decode(self, data: bytes, message_type: type[bytes]) -> bytes:
        assert message_type is bytes
        return data
