"""The service as a child process on free ports, its log watched, stopped by SIGTERM."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from rowferry.plain_nursery import open_plain_nursery

START_SECONDS: Final = 60
STOP_SECONDS: Final = 60
_LOG_LINES_KEPT: Final = 20
_READ_BYTES: Final = 64 * 2**10


class ServiceFailedError(Exception):
    """The service did not start, or did not stop in order."""


class ServiceProcess:
    """A running service; addresses are ``host:port``."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._lines: deque[bytes] = deque(maxlen=_LOG_LINES_KEPT)
        self._known = trio.Event()  # ready, or ended
        self._ready: dict[str, Any] = {}

    @property
    def grpc(self) -> str:
        """Where the gRPC door listens."""
        return str(self._ready["grpc"])

    @property
    def resident_bytes_when_ready(self) -> int:
        """The memory of the service before the first row."""
        return int(self._ready["resident_bytes"])

    def peak_resident_bytes(self) -> int:
        """Read the most memory the service had so far: VmHWM of proc(5)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        kibibytes = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(kibibytes.split()[1]) * 1024

    async def wait_ready(self) -> None:
        """Wait until every door accepts; raise ServiceFailedError."""
        with trio.move_on_after(START_SECONDS):
            await self._known.wait()
        if not self._ready:
            raise ServiceFailedError(f"The service did not start.\n{self.last_lines()}")

    async def stop(self) -> None:
        """End it by SIGTERM; raise ServiceFailedError unless it ends with 0."""
        self._process.send_signal(signal.SIGTERM)
        with trio.move_on_after(STOP_SECONDS):
            await self._process.wait()
        if self._process.returncode != 0:
            message = f"The service ended with {self._process.returncode}."
            raise ServiceFailedError(f"{message}\n{self.last_lines()}")

    def last_lines(self) -> str:
        """Give the end of its log."""
        return b"\n".join(self._lines).decode(errors="replace")

    async def watch_log(self) -> None:
        """Read the log to its end: a service whose log nobody reads would stand still."""
        await trio.lowlevel.checkpoint()
        rest = b""
        while piece := await self._log().receive_some(_READ_BYTES):
            *lines, rest = (rest + bytes(piece)).split(b"\n")
            for line in lines:
                self._note(line)
        self._known.set()

    def _note(self, line: bytes) -> None:
        self._lines.append(line)
        if b'"ServiceReady"' in line:
            self._ready = msgspec.json.decode(line, type=dict[str, Any])
            self._known.set()

    def _log(self) -> trio.abc.ReceiveStream:
        if self._process.stdout is None:
            raise ServiceFailedError("The service's log is not a pipe.")
        return self._process.stdout


@asynccontextmanager
async def run_service(data_directory: Path) -> AsyncIterator[ServiceProcess]:
    """Run a service for the block, everything of it under a folder; kill it if it is left."""
    settings = _write_settings(data_directory)
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "rowferry", "serve", "--config", str(settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={k: v for k, v in os.environ.items() if not k.startswith("ROWFERRY_")},
    )
    service = ServiceProcess(process)
    async with open_plain_nursery() as nursery:
        nursery.start_soon(service.watch_log)
        try:
            await service.wait_ready()
            yield service
        finally:
            if process.returncode is None:
                process.kill()
            with trio.move_on_after(STOP_SECONDS, shield=True):
                await process.wait()


def _write_settings(data_directory: Path) -> Path:
    """Make the folder and the settings of a service on free ports."""
    data_directory.mkdir(parents=True, exist_ok=True)
    file = data_directory / "settings.json"
    settings = {
        "server": {
            "port": 0,
            "status_port": 0,
            "websocket_port": 0,
            "data_directory": str(data_directory),
        },
        "monitoring": {"metrics_port": 0},
    }
    file.write_bytes(msgspec.json.encode(settings))
    return file
