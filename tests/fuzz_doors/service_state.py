"""What a service holds: counted before and after, when nobody asks anything of it."""

import os
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rowferry.spool.database_record import RECORD_NAME
from tests.e2e.service_process import ServiceProcess

_SETTLE_SECONDS: Final = 60.0
_FOLDERS: Final = ("spool", "temporary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Exports that are not over, files and sockets of the process, its threads, files of rows."""

    tasks: int
    descriptors: int
    connections: int
    threads: int
    row_files: int
    resident_bytes: int

    def exceeds(self, earlier: "Holdings", resident_bytes: int) -> list[str]:
        """Say what there is more of than before; memory may grow by ``resident_bytes``."""
        mine, theirs = asdict(self), asdict(earlier)
        room = {"resident_bytes": resident_bytes, "descriptors": 2, "connections": 2, "threads": 8}
        return [
            f"{name}: {theirs[name]} before, {mine[name]} after"
            for name in mine
            if mine[name] > theirs[name] + room.get(name, 0)
        ]


def holdings(service: ServiceProcess) -> Holdings:
    """Count."""
    process = Path(f"/proc/{service.process.pid}")
    row_files = sum(_row_files(service.data_directory / name) for name in _FOLDERS)
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    gauges = _gauges(service)
    opened = _opened(process / "fd")
    return Holdings(
        tasks=gauges["rowferry_active_tasks"] + gauges["rowferry_queued_tasks"],
        descriptors=len(opened),
        connections=sum(target.startswith("socket:") for target in opened),
        threads=int(status["Threads"]),
        row_files=row_files,
        resident_bytes=int(status["VmRSS"].split()[0]) * 1024,
    )


def _row_files(folder: Path) -> int:
    """Count files; what goes meanwhile is not there: os.walk passes over it."""
    return sum(name != RECORD_NAME for _, _, names in os.walk(folder) for name in names)


def _opened(folder: Path) -> list[str]:
    """Say what descriptors are of; one may be closed meanwhile."""
    opened = []
    for descriptor in folder.iterdir():
        with suppress(FileNotFoundError):
            opened.append(str(descriptor.readlink()))
    return opened


def settled(service: ServiceProcess, is_calm: Callable[[Holdings], bool]) -> Holdings:
    """Wait until what is under way has ended, and count then; the last count if it never does."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while not is_calm(held := holdings(service)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return held


def _gauges(service: ServiceProcess) -> dict[str, int]:
    with urllib.request.urlopen(f"http://{service.metrics}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#") and "{" not in line)
    return {name: int(float(value)) for name, value in pairs}
