"""Memory and processor time of another process, as Linux counts them (proc(5))."""

import os
from pathlib import Path
from typing import Final

_KIB: Final = 1024
_USER_TIME_FIELD: Final = 11  # utime, counted behind the command's closing parenthesis


def peak_resident_bytes(pid: int) -> int:
    """Give VmHWM: the largest resident memory since the process began."""
    return _status_bytes(pid, "VmHWM")


def resident_bytes(pid: int) -> int:
    """Give VmRSS: the resident memory now."""
    return _status_bytes(pid, "VmRSS")


def cpu_seconds(pid: int) -> float:
    """Give the user and system time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = int(fields[_USER_TIME_FIELD]) + int(fields[_USER_TIME_FIELD + 1])
    return ticks / os.sysconf("SC_CLK_TCK")


def _status_bytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * _KIB
    raise ProcessLookupError(pid)
