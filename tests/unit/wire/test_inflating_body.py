import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import trio
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.wire.inflating_body import PIECE_BYTES, Inflater, InflatingBody

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "zstd": zstd.compress,
}
ENCODINGS = list(COMPRESS)
NO_LIMIT = 1 << 40


def _zstd(content: bytes, parameter: zstd.CompressionParameter, value: int) -> bytes:
    return zstd.compress(content, options={int(parameter): value})


class Arrivals:
    """A body whose pieces come one by one."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._coming = list(pieces)
        self._here = b""

    @property
    def size_bytes(self) -> int:
        return len(self._here)

    @property
    def is_over(self) -> bool:
        return not self._coming

    async def grow(self) -> None:
        await trio.lowlevel.checkpoint()
        self._here += self._coming.pop(0) if self._coming else b""

    def take(self) -> bytes:
        taken, self._here = self._here, b""
        return taken


async def _content(inflater: Inflater, pieces: Sequence[bytes]) -> bytes:
    body = InflatingBody(Arrivals(pieces), inflater, trio.CapacityLimiter(1))
    content = []
    while not body.is_over:
        await body.grow()
        assert body.size_bytes <= PIECE_BYTES
        content.append(body.take())
    return b"".join(content)


def _inflate(encoding: str, *pieces: bytes) -> bytes:
    return trio.run(_content, Inflater(encoding, max_bytes=NO_LIMIT), pieces)


def _run_dry(inflater: Inflater) -> None:
    while not inflater.needs_input:
        inflater.inflate()


def _refusal(encoding: str, body: bytes) -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        _inflate(encoding, body)
    return caught.value


@given(
    st.sampled_from(ENCODINGS),
    st.lists(st.binary(max_size=200) | st.integers(0, 600_000).map(bytes), max_size=4),
    st.lists(st.integers(0, 800)),
)
def test_content_is_what_was_compressed(
    encoding: str, members: list[bytes], places: list[int]
) -> None:
    body = b"".join(map(COMPRESS[encoding], members))
    ends = sorted({0, len(body), *(min(place, len(body)) for place in places)})
    pieces = [body[start:end] for start, end in pairwise(ends)]
    assert _inflate(encoding, *pieces) == b"".join(members)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_many_members_without_content_are_one_body(encoding: str) -> None:
    empty = COMPRESS[encoding](b"")
    assert _inflate(encoding, empty * 5_000 + COMPRESS[encoding](b"end")) == b"end"


def test_content_that_comes_byte_by_byte_is_not_counted_anew_for_each() -> None:
    content = bytes(50_000)
    stored = gzip.compress(content, compresslevel=0)
    body = InflatingBody(
        Arrivals([stored[i : i + 1] for i in range(len(stored))]),
        Inflater("gzip", max_bytes=NO_LIMIT),
        trio.CapacityLimiter(1),
    )

    async def grown() -> bytes:
        while not body.is_over:
            await body.grow()
        return body.take()

    assert trio.run(grown) == content


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_empty_body_has_no_content(encoding: str) -> None:
    assert _inflate(encoding) == b""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_that_is_cut_short_is_refused(encoding: str) -> None:
    body = COMPRESS[encoding](b"rows" * 100)
    for length in range(1, len(body)):
        refusal = _refusal(encoding, body[:length])
        assert refusal.code is ErrorCode.INVALID_ROW
        assert refusal.context["got"] == "it ends too soon"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("garbage", [b"x", b"rows without compression", bytes(100)])
def test_what_follows_the_last_member_is_refused(encoding: str, garbage: bytes) -> None:
    refusal = _refusal(encoding, COMPRESS[encoding](b"rows") + garbage)
    assert refusal.code is ErrorCode.INVALID_ROW
    assert refusal.context["expected"] == f"a whole {encoding} stream"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"rows" * 100)),
        ("zstd", _zstd(b"rows" * 100, zstd.CompressionParameter.checksum_flag, 1)),
    ],
)
def test_a_wrong_checksum_is_refused(encoding: str, body: bytes) -> None:
    # gzip ends in checksum and length, zstd in its checksum.
    place = -5 if encoding == "gzip" else -1
    damaged = bytearray(body)
    damaged[place] ^= 1
    assert _refusal(encoding, bytes(damaged)).code is ErrorCode.INVALID_ROW


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_takes_no_more_memory_than_a_few_pieces(encoding: str) -> None:
    inflater = Inflater(encoding, max_bytes=60 << 20)
    inflater.feed(COMPRESS[encoding](bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(RowferryError) as caught:
            _run_dry(inflater)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code is ErrorCode.TOO_LARGE
    assert int(caught.value.context["limit"]) == 60 << 20
    assert peak_bytes < 4 * PIECE_BYTES


def test_a_frame_that_looks_back_further_than_8_mib_is_refused() -> None:
    far = _zstd(bytes(32 << 20), zstd.CompressionParameter.window_log, 24)
    assert _refusal("zstd", far).code is ErrorCode.INVALID_ROW


async def test_a_cancelled_wait_loses_nothing() -> None:
    content = zlib.compress(bytes(range(256)) * 400, wbits=31)
    body = InflatingBody(
        Arrivals([content[:100], content[100:]]),
        Inflater("gzip", max_bytes=NO_LIMIT),
        trio.CapacityLimiter(1),
    )
    taken = b""
    while not body.is_over:
        with trio.CancelScope() as scope:
            scope.cancel()
            await body.grow()
        taken += body.take()
        await body.grow()
        taken += body.take()
    assert taken == bytes(range(256)) * 400
