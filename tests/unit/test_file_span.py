"""A span of a file is read as itself: however much is asked for, as often as it takes."""

from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry._core import Crc64
from rowferry.file_span import BLOCK_BYTES, FileSpan

CONTENT = bytes(range(256)) * 3000  # almost three blocks


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spans") / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def whole(path: Path) -> Iterator[FileSpan]:
    with closing(FileSpan(path, 0, len(CONTENT))) as span:
        yield span


def _crc64(content: bytes) -> int:
    checksum = Crc64()
    checksum.update(content)
    return checksum.value


def _read_all(span: FileSpan, sizes: Iterator[int]) -> bytes:
    blocks = []
    while block := span.read(next(sizes)):
        blocks.append(block)
    return b"".join(blocks)


positions = st.integers(0, len(CONTENT))
read_sizes = st.lists(
    st.just(-1) | st.integers(1, 1000) | st.integers(1, len(CONTENT)), min_size=1, max_size=9
)


@given(ends=st.tuples(positions, positions).map(sorted), sizes=read_sizes)
def test_any_span_is_read_as_it_is_in_the_file_and_so_again_after_a_rewind(
    path: Path, ends: list[int], sizes: list[int]
) -> None:
    start, end = ends
    with closing(FileSpan(path, start, end - start)) as span:
        span.read(sizes[0])
        span.rewind()
        for _ in range(2):
            assert len(span) == end - start
            assert _read_all(span, cycle(sizes)) == CONTENT[start:end]
            assert span.crc64 == _crc64(CONTENT[start:end])
            span.rewind()


def test_checksum_is_of_what_was_read_so_far(whole: FileSpan) -> None:
    assert whole.crc64 == 0
    assert whole.crc64 == _crc64(b"")
    first = whole.read(9)
    assert whole.crc64 == _crc64(first)
    whole.rewind()
    assert whole.crc64 == 0


def test_a_read_gives_no_more_than_a_block(whole: FileSpan) -> None:
    assert len(whole.read()) == BLOCK_BYTES
    assert len(whole.read(len(CONTENT))) == BLOCK_BYTES
    assert whole.read(0) == b""


def test_a_stopped_span_is_read_no_further(whole: FileSpan) -> None:
    whole.read()
    whole.stop()
    for _ in range(2):
        with pytest.raises(OSError, match="stopped"):
            whole.read()
        whole.rewind()


def test_a_file_shorter_than_the_span_is_told_not_sent_short(path: Path) -> None:
    with closing(FileSpan(path, len(CONTENT) - 5, 6)) as span:
        assert span.read() == CONTENT[-5:]
        with pytest.raises(OSError, match="shorter"):
            span.read()


def test_a_span_outlives_its_file_and_sees_what_is_written_later(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"first ")
    with closing(FileSpan(path, 0, 12)) as span, path.open("ab") as file:
        assert span.read() == b"first "
        path.unlink()
        file.write(b"second")
        file.flush()
        assert span.read() == b"second"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileSpan(tmp_path / "nowhere", 0, 1)
