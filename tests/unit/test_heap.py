"""Freed memory is the system's again."""

import os

import pytest

from rowferry.heap import heap_trimmer
from tests.e2e.process_figures import resident_bytes

MIB = 1 << 20


def test_what_was_freed_below_what_is_used_is_given_back() -> None:
    give_back = heap_trimmer()
    if give_back is None:
        pytest.skip("there is no glibc here")
    blocks = [bytes(16_000) for _ in range(128 * MIB // 16_000)]
    last = blocks[-1]
    del blocks
    before = resident_bytes(os.getpid())
    give_back()
    assert before - resident_bytes(os.getpid()) > 64 * MIB
    assert len(last) == 16_000
