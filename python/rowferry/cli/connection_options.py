"""The options of every command that talks to a service: where it is, and who calls.

Each may stand in the environment as well. A token never stands among the arguments, which all
users of a machine see.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import Annotated, Any, Final, get_type_hints

import typer

DEFAULT_ADDRESS: Final = "127.0.0.1:9090"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach a service, as the arguments say it."""

    address: Annotated[
        str,
        typer.Option(
            "--address",
            envvar="ROWFERRY_ADDRESS",
            metavar="HOST:PORT",
            help="The service's gRPC address; https://HOST:PORT for TLS.",
        ),
    ] = DEFAULT_ADDRESS
    token_file: Annotated[
        str | None,
        typer.Option(
            "--token-file",
            envvar="ROWFERRY_TOKEN_FILE",
            metavar="FILE",
            help="The file of the token to show; or the token itself in ROWFERRY_TOKEN.",
        ),
    ] = None
    tls_ca: Annotated[
        str | None,
        typer.Option(
            "--tls-ca",
            envvar="ROWFERRY_TLS_CA",
            metavar="FILE",
            help="Trust this authority (PEM); means TLS.",
        ),
    ] = None
    tls_certificate: Annotated[
        str | None,
        typer.Option(
            "--tls-certificate",
            envvar="ROWFERRY_TLS_CERTIFICATE",
            metavar="FILE",
            help="Show this certificate (PEM, with its chain); means TLS.",
        ),
    ] = None
    tls_key: Annotated[
        str | None,
        typer.Option(
            "--tls-key",
            envvar="ROWFERRY_TLS_KEY",
            metavar="FILE",
            help="Its private key, if it is in another file.",
        ),
    ] = None


def connecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its parameter ``connection``, made of the options of all such commands."""
    options = [field.name for field in fields(Connection)]
    hints = get_type_hints(Connection, include_extras=True)

    @wraps(command)
    def with_options(**given: Any) -> None:  # noqa: ANN401  whatever the command takes
        connection = Connection(**{name: given.pop(name) for name in options})
        command(**given, connection=connection)

    own = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(Connection)
    ]
    kept = [parameter for name, parameter in own.parameters.items() if name != "connection"]
    # by keyword only, and so in any order
    kept.sort(key=lambda parameter: parameter.kind)
    signature = own.replace(parameters=[*kept, *added])
    with_options.__signature__ = signature  # type: ignore[attr-defined]
    with_options.__annotations__ = {
        name: parameter.annotation for name, parameter in signature.parameters.items()
    }
    return with_options
