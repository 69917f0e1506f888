"""A command's connection to a service, and what its failures mean for the exit code."""

import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import trio

from rowferry.cli.connection_options import Connection
from rowferry.cli.outcome import CommandError, ExitCode, reported, usage_error
from rowferry.client import RowferryError, UnreachableError
from rowferry.client.dialing import tls_context
from rowferry.client.service_calls import ServiceCalls, open_calls

DEFAULT_PORT: Final = 9090
TOKEN_VARIABLE: Final = "ROWFERRY_TOKEN"  # noqa: S105  its name
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the service is."""

    host: str
    port: int
    secure: bool = False


def parse_target(address: str) -> Target:
    """Read ``host:port``, ``http://host:port`` or ``https://host:port``; raise CommandError."""
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
    return Target(host=host, port=port, secure=bool(separator) and scheme == "https")


def shown_token(token_file: str | None, environment: Mapping[str, str]) -> str:
    """Give the token of the file, else of the environment, "" without; raise CommandError."""
    if token_file is None:
        return environment.get(TOKEN_VARIABLE, "").strip()
    try:
        token = Path(token_file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise usage_error(f"{token_file}: {getattr(exc, 'strerror', None) or exc}") from exc
    if not token:
        raise usage_error(f"{token_file} is empty, where a token was expected.")
    return token


def tls_of(connection: Connection, target: Target) -> ssl.SSLContext | None:
    """Give the TLS to speak, None for none; raise CommandError for files that can't be used.

    https, an authority or a certificate of one's own mean TLS.
    """
    named = (connection.tls_ca, connection.tls_certificate, connection.tls_key)
    if not (target.secure or any(named)):
        return None
    if connection.tls_key and not connection.tls_certificate:
        raise usage_error("--tls-key needs the --tls-certificate that it belongs to.")
    try:
        return tls_context(*named)
    except OSError as exc:  # ssl.SSLError is one
        files = ", ".join(name for name in named if name)
        raise usage_error(f"{files}: {exc.strerror or exc}") from exc


def run_command(
    operation: Callable[[ServiceCalls], Awaitable[_Answer]],
    connection: Connection,
    *,
    as_json: bool,
) -> _Answer:
    """Run a command's work on a connection; end the process if it can't be done."""
    try:
        return trio.run(_connected, operation, connection)
    except (UnreachableError, RowferryError, CommandError) as exc:
        raise reported(_command_error(exc), as_json=as_json) from exc


def _command_error(failure: UnreachableError | RowferryError | CommandError) -> CommandError:
    if isinstance(failure, UnreachableError):
        return CommandError(ExitCode.UNREACHABLE, "UNREACHABLE", failure.message)
    if isinstance(failure, RowferryError):
        code = ExitCode.EXPORT_FAILED
        return CommandError(code, failure.code, failure.message, failure.context)
    return failure


async def _connected(
    operation: Callable[[ServiceCalls], Awaitable[_Answer]], connection: Connection
) -> _Answer:
    target = parse_target(connection.address)
    tls = tls_of(connection, target)
    token = shown_token(connection.token_file, os.environ)
    async with open_calls(target.host, target.port, tls=tls, token=token) as client:
        return await operation(client)
