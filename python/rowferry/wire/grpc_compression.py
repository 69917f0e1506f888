"""Inflating compressed messages within bounds (gRPC over HTTP/2, "Message-Encoding")."""

import zlib
from typing import Final

import trio

from rowferry.wire.grpc_failure import MalformedRequestError, MessageTooLargeError

ACCEPTED_ENCODINGS: Final = ("identity", "gzip", "deflate")

# zlib's window bits: a gzip wrapper (RFC 1952), and the zlib wrapper (RFC 1950) that HTTP and
# gRPC call deflate.
_WINDOW_BITS: Final = {"gzip": 31, "deflate": 15}
_STEP_BYTES: Final = 256 * 1024


async def inflate(data: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """Return the inflated message, yielding to other tasks every 256 KiB of it.

    Raises:
        MessageTooLargeError: it would have more than ``limit_bytes``.
        MalformedRequestError: it is broken, cut short, or was sent without an encoding.

    """
    if encoding not in _WINDOW_BITS:
        raise MalformedRequestError("a compressed message came without a grpc-encoding")
    inflater = zlib.decompressobj(_WINDOW_BITS[encoding])
    parts: list[bytes] = []
    inflated_bytes = 0
    while not inflater.eof:
        part = _inflate_step(inflater, data)
        data = inflater.unconsumed_tail
        inflated_bytes += len(part)
        if inflated_bytes > limit_bytes:
            parts.clear()  # the failure holds this frame until it has been answered
            raise MessageTooLargeError(limit_bytes)
        if not part and not data and not inflater.eof:
            raise MalformedRequestError("a compressed message is cut short")
        parts.append(part)
        await trio.lowlevel.checkpoint()
    if inflater.unused_data:
        raise MalformedRequestError("bytes follow the end of a compressed message")
    return b"".join(parts)


def _inflate_step(inflater: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return inflater.decompress(data, _STEP_BYTES)
    except zlib.error as error:
        raise MalformedRequestError("a compressed message is broken") from error
