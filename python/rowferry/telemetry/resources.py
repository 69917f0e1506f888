"""What the process takes of the machine (Linux)."""

import ctypes
import gc
import resource
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")
_M_ARENA_MAX: Final = -8  # malloc.h
HEAPS: Final = 2


def resident_bytes() -> int:
    """Give the resident set now (proc_pid_statm(5), second field, in pages)."""
    return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()


def release_free_memory() -> None:
    """Give back to the system what the start-up has freed (malloc_trim(3)); nothing without glibc.

    Importing leaves some 10 MB of holes that a service would carry for its whole life.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def share_heaps() -> None:
    """Let all threads share two heaps (mallopt(3), M_ARENA_MAX); nothing without glibc.

    Otherwise each thread that writes or uploads has its own, with holes of its own.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, HEAPS)
