"""Where and of what figures were taken."""

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.figures import CHECKOUT

# of tracked files, but for earlier results
_CHANGES: Final = (
    "git",
    "status",
    "--porcelain",
    "-uno",
    "--",
    ".",
    ":!bench/results",
    ":!README.md",
)


def provenance(module: str) -> dict[str, Any]:
    """Describe commit, machine, tools, date and the command, which is of a module."""
    return {
        "commit": first_line("git", "rev-parse", "HEAD"),
        "uncommitted_changes": bool(first_line(*_CHANGES)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "kernel": platform.release(),
        },
        "tools": {
            "python": platform.python_version(),
            "rustc": first_line("rustc", "--version"),
            "go": first_line("go", "version"),
        },
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def first_line(*command: str) -> str:
    """Give the first line that a command prints."""
    answer = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return answer.stdout.partition("\n")[0]
