"""Changes to valid bytes, chosen by a seeded random: the same seed gives the same inputs."""

import random
from collections.abc import Callable, Sequence
from typing import Final

_EDGES: Final = (b"\0", b"\xff" * 4, b"\x80" * 10, b"\r\n\r\n", b'"', b"{", b"[[", b"-1", b"1e999")
_MAX_BYTES: Final = 60_000  # fits HTTP/2's first window, so that nothing has to be waited for


def mutated(chance: random.Random, seed: bytes, others: Sequence[bytes]) -> bytes:
    """Change a valid text of bytes in one to four places; one in fifty is noise alone."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randrange(200))
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(_CHANGES)(chance, data, others)
    return bytes(data[:_MAX_BYTES])


def _position(chance: random.Random, data: bytearray) -> int:
    return chance.randrange(len(data) + 1)


def _flip_a_bit(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set_a_byte(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _insert_noise(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _position(chance, data)
    data[at:at] = chance.randbytes(chance.randrange(1, 9))


def _insert_an_edge(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _position(chance, data)
    data[at:at] = chance.choice(_EDGES)


def _remove_some(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _position(chance, data)
    del data[at : at + chance.randrange(1, 20)]


def _cut_off(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_position(chance, data) :]


def _repeat_some(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _position(chance, data)
    data[at:at] = data[at : at + chance.randrange(1, 200)] * chance.choice((1, 2, 50))


def _splice(chance: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = chance.choice(others)
    at, start = _position(chance, data), chance.randrange(len(other) + 1)
    data[at:] = other[start:]


_CHANGES: Final[tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...]] = (
    _flip_a_bit,
    _set_a_byte,
    _insert_noise,
    _insert_an_edge,
    _remove_some,
    _cut_off,
    _repeat_some,
    _splice,
)
