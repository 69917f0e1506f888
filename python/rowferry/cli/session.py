"""A command's connection to a service, and what its failures mean for the exit code."""

import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import trio

from rowferry.cli.connection_options import Connection
from rowferry.cli.outcome import CommandError, ExitCode, reported, usage_error
from rowferry.client import Client, RowferryError, UnreachableError
from rowferry.client.address import Address, parse_address
from rowferry.client.credentials import TOKEN_VARIABLE, sendable_token
from rowferry.client.dialing import tls_context
from rowferry.client.service_calls import ServiceCalls, open_calls

_Answer = TypeVar("_Answer")
_Operation = TypeVar("_Operation")


def parse_target(address: str) -> Address:
    """Read ``host:port``, ``http://host:port`` or ``https://host:port``; raise CommandError."""
    try:
        return parse_address(address)
    except ValueError as exc:
        raise usage_error(str(exc)) from exc


def shown_token(token_file: str | None, environment: Mapping[str, str]) -> str:
    """Give the token of the file, else of the environment, "" without; raise CommandError."""
    source = token_file or TOKEN_VARIABLE
    try:
        if token_file is None:
            return sendable_token(environment.get(TOKEN_VARIABLE, "").strip())
        token = sendable_token(Path(token_file).read_text("utf-8").strip())
    except UnicodeDecodeError as exc:
        raise usage_error(f"{source}: The token is no text.") from exc
    except (OSError, ValueError) as exc:
        raise usage_error(f"{source}: {getattr(exc, 'strerror', None) or exc}") from exc
    if not token:
        raise usage_error(f"{source} is empty, where a token was expected.")
    return token


def tls_of(connection: Connection, target: Address) -> ssl.SSLContext | None:
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
    """Run a command's calls on a connection; end the process if they can't be done."""
    return _run(_with_calls, operation, connection, as_json=as_json)


def run_with_client(
    operation: Callable[[Client], Awaitable[_Answer]], connection: Connection, *, as_json: bool
) -> _Answer:
    """Run what is more than a call with a client; end the process if it can't be done."""
    return _run(_with_client, operation, connection, as_json=as_json)


def _run(
    run: Callable[[_Operation, Connection], Awaitable[_Answer]],
    operation: _Operation,
    connection: Connection,
    *,
    as_json: bool,
) -> _Answer:
    try:
        return trio.run(run, operation, connection)
    except (RowferryError, CommandError) as exc:
        raise reported(_command_error(exc), as_json=as_json) from exc
    except UnicodeEncodeError as exc:  # an argument's bytes, which no message can have
        raise reported(usage_error(f"{exc.object!a} is not UTF-8."), as_json=as_json) from exc


def _command_error(failure: RowferryError | CommandError) -> CommandError:
    if isinstance(failure, CommandError):
        return failure
    unreachable = isinstance(failure, UnreachableError)
    exit_code = ExitCode.UNREACHABLE if unreachable else ExitCode.EXPORT_FAILED
    return CommandError(exit_code, failure.code, failure.message, failure.context)


async def _with_calls(
    operation: Callable[[ServiceCalls], Awaitable[_Answer]], connection: Connection
) -> _Answer:
    target = parse_target(connection.address)
    tls = tls_of(connection, target)
    token = shown_token(connection.token_file, os.environ)
    async with open_calls(target.host, target.port, tls=tls, token=token) as calls:
        return await operation(calls)


async def _with_client(
    operation: Callable[[Client], Awaitable[_Answer]], connection: Connection
) -> _Answer:
    tls_of(connection, parse_target(connection.address))  # tells which option is wrong
    made = Client(
        connection.address,
        token=shown_token(connection.token_file, os.environ),
        ca_file=connection.tls_ca,
        certificate_file=connection.tls_certificate,
        key_file=connection.tls_key,
    )
    async with made as client:
        return await operation(client)
