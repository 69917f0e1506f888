"""Freed memory is the system's again, and threads share heaps."""

import os
import subprocess
import sys

import pytest

from rowferry.heap import HEAPS, heap_trimmer
from tests.e2e.process_figures import resident_bytes

MIB = 1 << 20
# bytes of 100 kB come from malloc, those that Python keeps itself do not
ALLOCATING = """
import ctypes, sys, threading
from rowferry.heap import share_heaps

if sys.argv[1] == "shared":
    share_heaps()
allocated = threading.Barrier(9)

def allocate():
    kept = bytes(100_000)
    allocated.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
allocated.wait()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""


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


def _heaps_of_eight_threads(how: str) -> int:
    command = [sys.executable, "-c", ALLOCATING, how]
    completed = subprocess.run(  # noqa: S603  the interpreter of the tests
        command, capture_output=True, text=True, check=True
    )
    return completed.stderr.count("Arena ")


def test_threads_share_heaps() -> None:
    assert _heaps_of_eight_threads("shared") <= HEAPS < _heaps_of_eight_threads("apart")
