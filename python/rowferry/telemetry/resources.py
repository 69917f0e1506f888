"""What the process takes of the machine (Linux)."""

import ctypes
import gc
import resource
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")


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
