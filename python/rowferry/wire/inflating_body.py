"""Compressed bodies, inflated piece by piece: a bomb never takes more memory than a piece."""

import zlib
from collections.abc import Callable
from typing import Final, Protocol

import trio

from rowferry.domain.errors import ErrorCode, RowferryError

PIECE_BYTES: Final = 256 << 10
"""The most that is inflated in one go."""

_WINDOW_LOG_MAX: Final = 23
"""zstd of HTTP looks back 8 MiB at most (RFC 9659 §3)."""
_GZIP_WINDOW_BITS: Final = 31
_SLICE_BYTES: Final = 16 << 10
"""What a decoder is given at once: it copies what it leaves."""
_MEMBERS_A_PIECE: Final = 256
"""Members without content take time too."""
_THREAD_BYTES: Final = 8 << 10
"""From so much input on, a hop to a thread costs less than it frees."""


class Inflater:
    """The content of a compressed body: feed it while it needs input, inflate while it does not.

    gzip may have several members (RFC 1952 §2.2), zstd several frames (RFC 8878 §3.1). Past
    ``max_bytes`` of content it is TOO_LARGE. A body that is damaged, cut short or followed by
    something else is INVALID_ROW. Serialised by its caller, in any thread.
    """

    def __init__(self, content_encoding: str, *, max_bytes: int) -> None:
        self._new_decoder = DECODERS[content_encoding]
        self._encoding = content_encoding
        self._max_bytes = max_bytes
        self._input = memoryview(b"")
        self._position = 0
        self._decoder: _Decoder | None = None
        self._holds_content = False
        self._inflated_bytes = 0

    @property
    def needs_input(self) -> bool:
        """Whether nothing comes without more input."""
        return not self.input_bytes and not self._holds_content

    @property
    def input_bytes(self) -> int:
        """Input that no decoder has had yet."""
        return len(self._input) - self._position

    def feed(self, data: bytes) -> None:
        """Take the body's next bytes, once it needs input."""
        self._input = memoryview(data)
        self._position = 0

    def inflate(self) -> bytes:
        """Give the next of the content: ``PIECE_BYTES`` at most, nothing perhaps."""
        parts: list[bytes] = []
        room = PIECE_BYTES
        members = 0
        while room and members < _MEMBERS_A_PIECE and not self.needs_input:
            parts.append(self._inflate_slice(room))
            room -= len(parts[-1])
            members += self._decoder is None
        self._count(PIECE_BYTES - room)
        return b"".join(parts)

    def finish(self) -> None:
        """Judge the end of the body, once all of it is inflated."""
        if self._decoder is not None:
            raise self._broken("it ends too soon")

    def _inflate_slice(self, room: int) -> bytes:
        """Inflate what one decoder gives for one slice of the input."""
        decoder = self._decoder or self._new_decoder()
        taken = self._input[self._position :][: 0 if self._holds_content else _SLICE_BYTES]
        self._position += len(taken)
        try:
            part = decoder.decompress(taken, room)
        except _DamagedError as error:
            raise self._broken(str(error)) from error
        self._holds_content = len(part) == room and not decoder.eof
        self._decoder = None if decoder.eof else decoder
        # What follows a member is the next one's.
        self._position -= len(decoder.unused_data)
        return part

    def _count(self, piece_bytes: int) -> None:
        self._inflated_bytes += piece_bytes
        if self._inflated_bytes > self._max_bytes:
            sentence = f"The body is limited to {self._max_bytes} bytes, inflated."
            raise RowferryError(ErrorCode.TOO_LARGE, sentence, {"limit": self._max_bytes})

    def _broken(self, got: str) -> RowferryError:
        expected = f"a whole {self._encoding} stream"
        sentence = f"The body must be {expected}: {got}."
        return RowferryError(ErrorCode.INVALID_ROW, sentence, {"expected": expected, "got": got})


class BodyBytes(Protocol):
    """Bytes of a body that come bit by bit."""

    @property
    def size_bytes(self) -> int:
        """How many bytes are here to be taken."""

    @property
    def is_over(self) -> bool:
        """Whether no more will come than are here."""

    async def grow(self) -> None:
        """Wait until more is here than now, or until the body is over."""

    def take(self) -> bytes:
        """Give what is here."""


class InflatingBody:
    """A compressed ``BodyBytes`` as its content; itself one, in pieces of ``PIECE_BYTES``."""

    def __init__(self, body: BodyBytes, inflater: Inflater, limiter: trio.CapacityLimiter) -> None:
        self._body = body
        self._inflater = inflater
        self._limiter = limiter
        self._content = bytearray()
        self._is_over = False

    @property
    def size_bytes(self) -> int:
        """How many bytes of content are here."""
        return len(self._content)

    @property
    def is_over(self) -> bool:
        """Whether all of the content is here."""
        return self._is_over

    async def grow(self) -> None:
        """Wait for a piece of content, or the end. May be cancelled: no byte is lost."""
        await trio.lowlevel.checkpoint()
        size_bytes = self.size_bytes
        while not self._is_over and self.size_bytes == size_bytes:
            if not self._inflater.needs_input:
                await self._inflate()
            elif self._body.size_bytes:
                self._inflater.feed(self._body.take())
            elif self._body.is_over:
                self._inflater.finish()
                self._is_over = True
            else:
                await self._body.grow()

    def take(self) -> bytes:
        """Give the content that is here."""
        content = bytes(self._content)
        self._content.clear()
        return content

    async def _inflate(self) -> None:
        if self._inflater.input_bytes < _THREAD_BYTES:
            self._content += self._inflater.inflate()
            return
        # A cancelled hop would lose the piece that its thread makes.
        with trio.CancelScope(shield=True):
            inflate = self._inflater.inflate
            self._content += await trio.to_thread.run_sync(inflate, limiter=self._limiter)


class _Decoder(Protocol):
    """One member or frame. It keeps input that its content had no room for."""

    @property
    def eof(self) -> bool:
        """Whether it ended, its checksum right."""

    @property
    def unused_data(self) -> bytes:
        """Input behind its end."""

    def decompress(self, data: memoryview, max_length: int) -> bytes:
        """Give at most ``max_length`` bytes; raises ``_DamagedError``."""


class _DamagedError(Exception):
    """What a library says about bytes that it can't inflate."""


class _GzipMember:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_WINDOW_BITS)

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: memoryview, max_length: int) -> bytes:
        try:
            return self._member.decompress(self._member.unconsumed_tail + data, max_length)
        except zlib.error as error:
            raise _DamagedError(error) from error


class _ZstdFrame:
    def __init__(self) -> None:
        # 2 MB of memory that services without such bodies need not.
        from backports import zstd  # noqa: PLC0415

        window = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG_MAX}
        self._frame = zstd.ZstdDecompressor(options=window)
        self._damage = zstd.ZstdError

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def decompress(self, data: memoryview, max_length: int) -> bytes:
        try:
            return self._frame.decompress(data, max_length)
        except self._damage as error:
            raise _DamagedError(error) from error


DECODERS: Final[dict[str, Callable[[], _Decoder]]] = {
    "gzip": _GzipMember,
    # RFC 9110 §8.4.1.3: the same.
    "x-gzip": _GzipMember,
    "zstd": _ZstdFrame,
}
"""What inflates each content coding that is taken."""
