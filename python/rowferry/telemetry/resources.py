"""What the process takes of the machine (Linux)."""

import resource
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Give the resident set now (proc_pid_statm(5), second field, in pages)."""
    return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()
