"""The grpc-go client of ``tests/e2e/go``: generated, built and run."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.readers.toolchains import INSTALL_TRIES

_CHECKOUT: Final = Path(__file__).parents[2]
_MODULE: Final = _CHECKOUT / "tests/e2e/go"
_IMPORT_PATH: Final = "rowferry.test/client"
_CONTRACT: Final = "rowferry/v1/export.proto"
_GENERATORS: Final = {
    "go": "google.golang.org/protobuf/cmd/protoc-gen-go",
    "go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
}
RUN_SECONDS: Final = 600.0

Report = dict[str, Any]


class GoClientError(Exception):
    """The client could not be built, or a run ended without an outcome."""


@dataclass(frozen=True, slots=True)
class GoClient:
    """The built client; every command prints JSON lines."""

    program: Path

    def run(self, command: str, *arguments: object) -> Report:
        """Run a command to its end and give its last line."""
        completed = subprocess.run(
            self._command_line(command, arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
        )
        if completed.returncode:
            raise GoClientError(completed.stderr)
        report: Report = json.loads(completed.stdout.splitlines()[-1])
        return report

    @contextmanager
    def running(self, command: str, *arguments: object) -> Iterator["RunningClient"]:
        """Run a command while the block does; it is killed if it has not ended by then."""
        with subprocess.Popen(
            self._command_line(command, arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield RunningClient(process)
            finally:
                process.kill()

    def _command_line(self, command: str, arguments: tuple[object, ...]) -> list[str]:
        return [str(self.program), command, *map(str, arguments)]


@dataclass(frozen=True, slots=True)
class RunningClient:
    """A client at work."""

    process: subprocess.Popen[str]

    def go_on(self) -> None:
        """Open the gate at which the client waits, or will."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def next_report(self) -> Report:
        """Wait for the next line; raise GoClientError if the client ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise GoClientError(f"The client ended with code {self.process.wait()}.")
        report: Report = json.loads(line)
        return report

    def remaining_reports(self) -> list[Report]:
        """Wait for the client's end and give the lines until then."""
        assert self.process.stdout is not None
        return [json.loads(line) for line in self.process.stdout]


def build(target: Path = _MODULE / "bin") -> GoClient:
    """Generate the messages from the contract and build the client into ``target``."""
    for generator in _GENERATORS.values():
        _go("build", "-o", f"{target}/", generator)
    _generate(target)
    _go("vet", ".")
    _go("build", "-o", f"{target}/client", ".")
    return GoClient(target / "client")


def missing_tool() -> str:
    """Say what building needs and this machine lacks; "" if there is all."""
    if shutil.which("go") is None:
        return "go is not installed"
    probe = subprocess.run(
        ["go", "list", "-m"],
        cwd=_MODULE,
        capture_output=True,
        text=True,
        check=False,
    )
    return probe.stderr.strip() if probe.returncode else ""


def _generate(plugins: Path) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{_CHECKOUT / 'proto'}"]
    for name in _GENERATORS:
        command += [
            f"--plugin=protoc-gen-{name}={plugins}/protoc-gen-{name}",
            f"--{name}_out={_MODULE}",
            f"--{name}_opt=module={_IMPORT_PATH},M{_CONTRACT}={_IMPORT_PATH}/rowferryv1",
        ]
    _run([*command, _CONTRACT])


def _go(*arguments: str) -> None:
    _run(["go", *arguments])


def _run(command: list[str]) -> None:
    for _ in range(INSTALL_TRIES):
        completed = subprocess.run(
            command, cwd=_MODULE, capture_output=True, text=True, check=False
        )
        if completed.returncode == 0:
            return
    raise GoClientError(f"{' '.join(command)}\n{completed.stderr}")
