"""A command's connection to a service, and what its failures mean for the exit code."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import trio

from rowferry.cli.outcome import CommandError, ExitCode, reported, usage_error
from rowferry.client import Client, ExportError, ServiceUnreachable, connect, tls_context

DEFAULT_PORT: Final = 9090
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the service is; ``ca_file`` None = the system's authorities."""

    host: str
    port: int
    secure: bool = False
    ca_file: str | None = None


def parse_target(address: str, ca_file: str | None = None) -> Target:
    """Read ``host:port``, ``http://host:port`` or ``https://host:port``; raise CommandError.

    https, or an authority of one's own, means TLS.
    """
    scheme, separator, rest = address.partition("://")
    parts = urlsplit(f"//{rest if separator else address}")
    try:
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, 0
    if not host or parts.path or (separator and scheme not in {"http", "https"}):
        raise usage_error(
            f"{address!r} is no address such as 127.0.0.1:9090 or https://host:9090."
        )
    secure = ca_file is not None or (bool(separator) and scheme == "https")
    return Target(host=host, port=port, secure=secure, ca_file=ca_file)


def run_command(
    operation: Callable[[Client], Awaitable[_Answer]],
    address: str,
    ca_file: str | None,
    *,
    as_json: bool,
) -> _Answer:
    """Run a command's work on a connection; end the process if it can't be done."""
    try:
        return trio.run(_connected, operation, parse_target(address, ca_file))
    except (ServiceUnreachable, ExportError, CommandError) as exc:
        raise reported(_command_error(exc), as_json=as_json) from exc


def _command_error(failure: ServiceUnreachable | ExportError | CommandError) -> CommandError:
    if isinstance(failure, ServiceUnreachable):
        return CommandError(ExitCode.UNREACHABLE, "UNREACHABLE", str(failure))
    if isinstance(failure, ExportError):
        code = ExitCode.EXPORT_FAILED
        return CommandError(code, failure.code, failure.message, failure.context)
    return failure


async def _connected(operation: Callable[[Client], Awaitable[_Answer]], target: Target) -> _Answer:
    try:
        tls = tls_context(target.ca_file) if target.secure else None
    except OSError as exc:  # ssl.SSLError is one
        raise usage_error(f"{target.ca_file}: {exc.strerror or exc}") from exc
    async with connect(target.host, target.port, tls=tls) as client:
        return await operation(client)
