"""Programs that use the PHP client, run beside a service."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from tests.clients.php_transport import PHP_CLIENT, PhpTransport
from tests.clients.program import Program, Told, running

PROGRAMS: Final = PHP_CLIENT / "tests/programs"


@contextmanager
def running_program(
    name: str,
    *arguments: str,
    address: str,
    transport: PhpTransport,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Run ``<name>.php`` until the block ends."""
    command = transport.command("-ddisplay_errors=stderr", PROGRAMS / f"{name}.php", *arguments)
    with running(command, transport.environment(address, **(environment or {}))) as program:
        yield program


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
