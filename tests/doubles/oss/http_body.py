"""Bodies of HTTP/1.1 requests, read into one buffer a connection."""

from collections.abc import Iterator
from io import BufferedReader
from typing import Final, Protocol

from tests.doubles.oss.bodies import BLOCK_BYTES

_LINE_BYTES: Final = 1024


class HttpBody(Protocol):
    """A body as it comes in."""

    received_bytes: int

    def blocks(self) -> Iterator[memoryview]:
        """Give the blocks that are left; each is overwritten by the next.

        Raises ConnectionError if the client goes away before the end.
        """


class SizedBody:
    """A body with a Content-Length."""

    def __init__(self, stream: BufferedReader, size_bytes: int, buffer: bytearray) -> None:
        self.received_bytes = 0
        self._stream: Final = stream
        self._size_bytes: Final = size_bytes
        self._buffer: Final = buffer

    def blocks(self) -> Iterator[memoryview]:
        """Give the blocks that are left."""
        view = memoryview(self._buffer)
        while self.received_bytes < self._size_bytes:
            wanted = min(self._size_bytes - self.received_bytes, BLOCK_BYTES)
            size = self._stream.readinto1(view[:wanted])
            if not size:
                raise ConnectionAbortedError("The client went away in the body.")
            self.received_bytes += size
            yield view[:size]


class ChunkedBody:
    """A body in chunks (RFC 9112 §7.1), from clients that do not know its size before."""

    def __init__(self, stream: BufferedReader, buffer: bytearray) -> None:
        self.received_bytes = 0
        self._stream: Final = stream
        self._buffer: Final = buffer
        self._is_read = False

    def blocks(self) -> Iterator[memoryview]:
        """Give the blocks that are left."""
        while not self._is_read:
            size = int(self._line().partition(b";")[0], 16)
            for block in SizedBody(self._stream, size, self._buffer).blocks():
                self.received_bytes += len(block)
                yield block
            # An empty line ends a chunk, and the trailers after the last one.
            while self._line():
                pass
            self._is_read = not size

    def _line(self) -> bytes:
        line = self._stream.readline(_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise ConnectionAbortedError("The client went away in the body.")
        return line.strip()


def body_of(stream: BufferedReader, length: str, coding: str, buffer: bytearray) -> HttpBody:
    """Give the body of a request with these Content-Length and Transfer-Encoding headers."""
    if coding.lower() == "chunked":
        return ChunkedBody(stream, buffer)
    return SizedBody(stream, int(length or 0), buffer)
