"""CRC-64/XZ as object storages have it."""

import pytest

from rowferry._core import Crc64


def test_known_text_has_its_known_checksum() -> None:
    checksum = Crc64()
    assert checksum.value == 0
    checksum.update(b"123456789")
    assert checksum.value == 0x995D_C9BB_DF19_39FA


@pytest.mark.parametrize("piece_bytes", [1, 4095, 64 << 10, 300_000])
def test_pieces_have_the_checksum_of_the_whole(piece_bytes: int) -> None:
    content = bytes(range(256)) * 2000
    whole, pieces = Crc64(), Crc64()
    whole.update(content)
    for start in range(0, len(content), piece_bytes):
        pieces.update(content[start : start + piece_bytes])
    assert pieces.value == whole.value != 0
