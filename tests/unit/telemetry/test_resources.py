import subprocess
import sys

from rowferry.telemetry.resources import HEAPS

# bytes of 100 kB come from malloc, those that Python keeps itself do not
ALLOCATING = """
import ctypes, sys, threading
from rowferry.telemetry.resources import share_heaps

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


def _heaps_of_eight_threads(how: str) -> int:
    command = [sys.executable, "-c", ALLOCATING, how]
    completed = subprocess.run(  # noqa: S603  the interpreter of the tests
        command, capture_output=True, text=True, check=True
    )
    return completed.stderr.count("Arena ")


def test_threads_share_heaps() -> None:
    assert _heaps_of_eight_threads("shared") <= HEAPS < _heaps_of_eight_threads("apart")
