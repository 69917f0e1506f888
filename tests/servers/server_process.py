"""A server of the tests' own: a private folder, free ports, stopped by its id."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Final, Self

import pytest

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0


class ServerProcess(ABC):
    """One server, which can be stopped, killed and started again on the same data and ports."""

    program: ClassVar[str]
    account: ClassVar[str | None] = None  # what root runs it as, where a server refuses root
    port_count: ClassVar[int] = 1

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.folder: Final = folder
        self.data: Final = folder / "data"
        self._held = _free_ports(self.port_count)
        self.ports: Final = [held.getsockname()[1] for held in self._held]
        self.port: Final = self.ports[0]
        self._options: Final = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, *options: str) -> Iterator[Self]:
        """Make a server with further options of its command line, start it, remove it at the end.

        Skips the test where the server is not installed, which CI does not allow.
        """
        if cls.find("") is None:
            reason = f"{cls.program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
        folder = Path(tempfile.mkdtemp(prefix=f"rowferry-{cls.program}-"))
        server = cls(folder, options)
        try:
            if server._user is not None:
                shutil.chown(folder, server._user)
            server.initialise()
            server.start()
            yield server
        finally:
            server.kill()
            server._release_ports()
            shutil.rmtree(folder)

    @classmethod
    @abstractmethod
    def find(cls, program: str) -> str | None:
        """Find a program that comes with the server; "" = the server itself."""

    @abstractmethod
    def initialise(self) -> None:
        """Make the data folder."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Give the command line that runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the server can be used."""

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers."""
        assert self._process is None, "the server runs already"
        self._process = self._spawn(self.command())
        self._wait_until_it_answers(self._process)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def stop(self, how: signal.Signals) -> None:
        """Send the server a signal and wait for its end."""
        process, self._process = self._process, None
        assert process is not None, "the server does not run"
        process.send_signal(how)
        process.wait(STOP_SECONDS)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server and its children for the block, connections and all, as they are.

        At the end of the block it answers again.
        """
        assert self._process is not None, "the server does not run"
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        processes = [self.pid, *map(int, children)]
        _signal_all(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal_all(processes, signal.SIGCONT)
        self._wait_until_it_answers(self._process)

    def kill(self) -> None:
        """Kill the server if it runs."""
        if self._process is not None:
            self.stop(signal.SIGKILL)

    def log(self) -> str:
        """Give what the server wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def _release_ports(self) -> None:
        for held in self._held:
            held.close()

    @classmethod
    def user_of_process(cls) -> str | None:
        """Name whom the server runs as, if that is not who runs the tests."""
        return cls.account if os.geteuid() == 0 else None

    @property
    def _user(self) -> str | None:
        return self.user_of_process()

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
            )

    def _run(self, command: Sequence[str]) -> None:
        assert self._spawn(command).wait() == 0, self.log()


def _signal_all(processes: Sequence[int], how: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # a connection's, which has ended
            os.kill(process, how)


def _free_ports(count: int) -> Sequence[socket.socket]:
    """Give sockets bound to ports that nobody listens on: no connection gets those by chance.

    The server, which says SO_REUSEADDR as well, may listen on them, again after a stop too.
    """
    sockets = [socket.socket() for _ in range(count)]
    for free in sockets:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", 0))
    return sockets
