"""CRC-64/XZ, what OSS calls ``crc64ecma``: by another library than the product's core."""

from functools import lru_cache
from typing import Final

from fastcrc import crc64

_POLYNOMIAL: Final = 0xC96C5795D7870F42  # ECMA-182, lowest power in the highest bit
_ONE: Final = 1 << 63
_X: Final = 1 << 62


def extended(crc: int, block: bytes | bytearray | memoryview) -> int:
    """Give the CRC of what ``crc`` is of, followed by the block."""
    return crc64.xz(block, crc)


def combined(first: int, second: int, second_bytes: int) -> int:
    """Give the CRC of two pieces put together, from their CRCs and the second one's size."""
    return _product(_power_of_x(8 * second_bytes), first) ^ second


@lru_cache(maxsize=256)
def _power_of_x(exponent: int) -> int:
    result, square = _ONE, _X
    while exponent:
        if exponent & 1:
            result = _product(result, square)
        square = _product(square, square)
        exponent >>= 1
    return result


def _product(one: int, other: int) -> int:
    """Multiply two polynomials over GF(2), modulo the CRC's."""
    result = 0
    for power in range(63, -1, -1):
        if one >> power & 1:
            result ^= other
        other = other >> 1 ^ (_POLYNOMIAL if other & 1 else 0)
    return result
