"""Programs that use the TypeScript client in Node, run beside a service."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.clients.program import RUN_SECONDS, Program, Told, running
from tests.e2e.service_process import ServiceProcess
from tests.readers.toolchains import find, needs, node_modules

CLIENT: Final = Path(__file__).parents[2] / "clients/typescript"
PROGRAMS: Final = CLIENT / "build/tests/programs"


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


@contextmanager
def running_program(
    name: str,
    *arguments: str,
    doors: Doors,
    options: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Run ``<name>.ts`` until the block ends; ``options`` are Node's."""
    built()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ROWFERRY")}
    chosen = {"ROWFERRY_INGEST": doors.ingest, "ROWFERRY_HTTP": doors.http}
    command = [find("node"), *options, str(PROGRAMS / f"{name}.js"), *arguments]
    with running(command, inherited | chosen | dict(environment or {})) as program:
        yield program


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
