"""Programs that use the PHP client, run beside a service."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.clients.php_transport import PHP_CLIENT, PhpTransport

PROGRAMS: Final = PHP_CLIENT / "tests/programs"
RUN_SECONDS: Final = 120.0

Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhpProgram:
    """A running program of ``clients/php/tests/programs``."""

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
    address: str,
    transport: PhpTransport,
    environment: Mapping[str, str] | None = None,
) -> Iterator[PhpProgram]:
    """Run ``<name>.php`` until the block ends."""
    with subprocess.Popen(
        transport.command("-ddisplay_errors=stderr", PROGRAMS / f"{name}.php", *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=transport.environment(address, **(environment or {})),
    ) as process:
        try:
            yield PhpProgram(process=process)
        finally:
            process.kill()


def run_program(
    name: str,
    *arguments: str,
    address: str,
    transport: PhpTransport,
    environment: Mapping[str, str] | None = None,
) -> list[Told]:
    """Run a program to its end and give what it told."""
    with running_program(
        name, *arguments, address=address, transport=transport, environment=environment
    ) as program:
        return program.rest()
