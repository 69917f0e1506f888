"""The bytes of one request body that have arrived and were not taken yet."""

from collections import deque


class BodyBuffer:
    """A queue of byte chunks read by exact sizes; chunks are joined only when they are taken."""

    __slots__ = ("_chunks", "_first_chunk_offset", "size_bytes")

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._first_chunk_offset = 0
        self.size_bytes = 0

    def append(self, data: bytes) -> None:
        """Add a chunk that arrived."""
        if data:
            self._chunks.append(data)
            self.size_bytes += len(data)

    def peek(self, byte_count: int) -> bytes:
        """Return the first bytes without taking them, fewer if fewer are there."""
        start, head = self._first_chunk_offset, b""
        for chunk in self._chunks:
            head += chunk[start : start + byte_count - len(head)]
            if len(head) == byte_count:
                break
            start = 0
        return head

    def take(self, byte_count: int) -> bytes:
        """Remove and return exactly ``byte_count`` bytes.

        Raises:
            ValueError: fewer are there.

        """
        if byte_count > self.size_bytes:
            raise ValueError(f"{byte_count} bytes wanted, {self.size_bytes} are there")
        self.size_bytes -= byte_count
        parts: list[bytes | memoryview] = []
        while byte_count:
            part = self._take_part(byte_count)
            parts.append(part)
            byte_count -= len(part)
        return b"".join(parts)

    def _take_part(self, byte_count: int) -> bytes | memoryview:
        """Remove up to ``byte_count`` bytes from the first chunk."""
        chunk, start = self._chunks[0], self._first_chunk_offset
        if len(chunk) - start <= byte_count:
            self._chunks.popleft()
            self._first_chunk_offset = 0
            return memoryview(chunk)[start:] if start else chunk
        self._first_chunk_offset = start + byte_count
        return memoryview(chunk)[start : start + byte_count]
