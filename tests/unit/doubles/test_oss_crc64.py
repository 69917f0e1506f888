from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.oss.crc64 import combined, extended


def test_it_is_crc64_xz() -> None:
    assert extended(0, b"123456789") == 0x995DC9BBDF1939FA


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_combined_is_the_crc_of_both_pieces_together(first: bytes, second: bytes) -> None:
    together = combined(extended(0, first), extended(0, second), len(second))

    assert together == extended(0, first + second)
