"""The real service as a child process: started on free ports, watched from outside, stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from tests.e2e.process_figures import cpu_seconds, peak_resident_bytes

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
_CHECKOUT: Final = Path(__file__).parents[2]
_FREE_PORTS: Final = {
    "server.port": 0,
    "server.status_port": 0,
    "server.websocket_port": 0,
    "monitoring.metrics_port": 0,
}

LogEvent = dict[str, Any]


class ServiceFailedError(Exception):
    """The service ended, or said nothing of what was waited for."""


class ServiceLog:
    """The events of a service's log, read by a thread as they come."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._events: list[LogEvent] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="service log")
        self._reader.start()

    def wait_for(
        self,
        name: str,
        task_id: str | None = None,
        *,
        timeout_seconds: float = START_SECONDS,
        **fields: object,
    ) -> LogEvent:
        """Wait for the first event of a name, of a task if one is given, with these fields.

        Raises ServiceFailedError if it does not come.
        """
        wanted = {"event": name, **fields, **({} if task_id is None else {"task_id": task_id})}
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._first(wanted), timeout_seconds)
            event = self._first(wanted)
            if event is None:
                lines = "\n".join(map(str, self._events[-20:]))
                raise ServiceFailedError(f"{name} was not logged. The last lines:\n{lines}")
            return event

    def named(self, name: str) -> list[LogEvent]:
        """Give the events of a name so far."""
        with self._changed:
            return [event for event in self._events if event["event"] == name]

    def everything(self) -> list[LogEvent]:
        """Give all events so far."""
        with self._changed:
            return list(self._events)

    def join(self) -> None:
        """Wait until the log has ended."""
        self._reader.join()
        self._stream.close()

    def _first(self, wanted: Mapping[str, object]) -> LogEvent | None:
        return next((event for event in self._events if wanted.items() <= event.items()), None)

    def _read(self) -> None:
        for line in self._stream:
            if not line.endswith("\n"):
                break  # killed while it wrote
            with self._changed:
                self._events.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProcess:
    """A running service; addresses are ``host:port``."""

    process: subprocess.Popen[str]
    log: ServiceLog
    ready: LogEvent
    ready_seconds: float
    """From the start of the process to its saying that it is ready."""
    data_directory: Path

    @property
    def grpc(self) -> str:
        """Where the gRPC door listens."""
        return str(self.ready["grpc"])

    @property
    def http(self) -> str:
        """Where states and files are served."""
        return str(self.ready["http"])

    @property
    def websocket(self) -> str:
        """Where the WebSocket door listens."""
        return str(self.ready["websocket"])

    @property
    def metrics(self) -> str:
        """Where the operators' port listens."""
        return str(self.ready["metrics"])

    @property
    def ready_resident_bytes(self) -> int:
        """The resident memory when the service said that it is ready."""
        return int(self.ready["resident_bytes"])

    @property
    def peak_resident_bytes(self) -> int:
        """The largest resident memory since the process began (VmHWM)."""
        return peak_resident_bytes(self.process.pid)

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all threads since the process began."""
        return cpu_seconds(self.process.pid)

    def files_of(self, task_id: str) -> list[Path]:
        """Name the files of a task, whatever they are."""
        return [path for path in self.data_directory.rglob("*") if task_id in path.name]

    def stop(self) -> int:
        """Send SIGTERM, wait for the end and give the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it without a warning."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)


@contextmanager
def running_service(
    data_directory: Path,
    settings: Mapping[str, object] | None = None,
    *,
    measured: bool = False,
    arguments: Sequence[str] = ("-m", "rowferry", "serve"),
    packages: Path | None = None,
    stderr: IO[bytes] | None = None,
) -> Iterator[ServiceProcess]:
    """Run a service over ``data_directory`` until the block ends.

    ``settings`` are ``{"group.key": value}``. A ``measured`` service is left out of test
    coverage, whose tracer costs memory and time. ``arguments`` are Python's. ``packages`` is a
    folder of installed packages that are there too. ``stderr`` takes what belongs into no log.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=service_environment(data_directory, settings, measured=measured, packages=packages),
        cwd=data_directory,
    )
    assert process.stdout is not None
    log = ServiceLog(process.stdout)
    try:
        ready = log.wait_for("ServiceReady")
        yield ServiceProcess(
            process=process,
            log=log,
            ready=ready,
            ready_seconds=time.monotonic() - began,
            data_directory=data_directory,
        )
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(STOP_SECONDS)
        log.join()


def service_environment(
    data_directory: Path,
    settings: Mapping[str, object] | None = None,
    *,
    measured: bool = False,
    packages: Path | None = None,
) -> dict[str, str]:
    """Give the environment of a service on free ports."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ROWFERRY")
        and not (measured and name.startswith(("COVERAGE_", "COV_CORE_")))
    }
    sources = [_CHECKOUT / "python", *([packages] if packages else [])]
    inherited["PYTHONPATH"] = os.pathsep.join(map(str, sources))
    chosen = {**_FREE_PORTS, "server.data_directory": data_directory, **(settings or {})}
    return inherited | {_variable(key): _text(value) for key, value in chosen.items()}


def _variable(key: str) -> str:
    group, name = key.split(".")
    return f"ROWFERRY__{group}__{name}".upper()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
