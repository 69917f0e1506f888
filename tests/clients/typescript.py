"""Programs that use the TypeScript client in Node, run beside a service."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.e2e.service_process import ServiceProcess
from tests.readers.toolchains import find, needs, node_modules

CLIENT: Final = Path(__file__).parents[2] / "clients/typescript"
PROGRAMS: Final = CLIENT / "build/tests/programs"
RUN_SECONDS: Final = 120.0

Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where a program goes: a service's two doors, or networks before them."""

    ingest: str
    http: str

    @classmethod
    def of(cls, service: ServiceProcess, *, tls: bool = False) -> "Doors":
        """Give a service's own."""
        letter = "s" if tls else ""
        return cls(
            ingest=f"ws{letter}://{service.websocket}", http=f"http{letter}://{service.http}"
        )


@cache
def installed() -> None:
    """Install what the client's lock names."""
    with needs("the TypeScript client"):
        node_modules(CLIENT)


@cache
def built() -> None:
    """Compile the client with its tests."""
    installed()
    npm("exec", "--", "tsc", "-p", "tests/tsconfig.json")


def npm(*arguments: str) -> str:
    """Run npm in the client's folder to its end and give what it printed."""
    completed = subprocess.run(
        [find("npm"), *arguments],
        cwd=CLIENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProgram:
    """A running program of ``clients/typescript/tests/programs``."""

    process: subprocess.Popen[str]

    def wait_for(self, event: str) -> Told:
        """Give the next event of a name; those before it are passed over."""
        assert self.process.stdout is not None
        before = []
        for line in self.process.stdout:
            before.append(line)
            told: Told = json.loads(line)
            if told["event"] == event:
                return told
        raise AssertionError(f"{event} was not told, but: {before[-20:]}")

    def go_on(self) -> None:
        """Open the gate at which the program waits."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def rest(self) -> list[Told]:
        """Wait for the end and give what was told until then."""
        output, _ = self.process.communicate(timeout=RUN_SECONDS)
        assert self.process.returncode == 0, output
        return [json.loads(line) for line in output.splitlines()]


@contextmanager
def running_program(
    name: str,
    *arguments: str,
    doors: Doors,
    options: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[NodeProgram]:
    """Run ``<name>.ts`` until the block ends; ``options`` are Node's."""
    built()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ROWFERRY")}
    chosen = {"ROWFERRY_INGEST": doors.ingest, "ROWFERRY_HTTP": doors.http}
    with subprocess.Popen(
        [find("node"), *options, str(PROGRAMS / f"{name}.js"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=inherited | chosen | dict(environment or {}),
    ) as process:
        try:
            yield NodeProgram(process=process)
        finally:
            process.kill()


def run_program(
    name: str,
    *arguments: str,
    doors: Doors,
    options: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> list[Told]:
    """Run a program to its end and give what it told."""
    with running_program(
        name, *arguments, doors=doors, options=options, environment=environment
    ) as program:
        return program.rest()
