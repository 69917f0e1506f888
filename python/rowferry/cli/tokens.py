"""Commands about the tokens of clients."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from rowferry.access.token_file import TokenRecord, create_token, read_tokens, revoke_token
from rowferry.cli.operation import loaded_config, unusable
from rowferry.cli.outcome import CommandError, ExitCode, print_json, reported, usage_error
from rowferry.config import Config
from rowferry.config_sources import ConfigError

MAX_NOTE_CHARS: Final = 200
_DURATION: Final = re.compile(r"([1-9]\d{0,5})([dhm])")
_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_PIPE_WIDTH: Final = 200  # columns of a table that no terminal limits


def create(
    client: str, expires: str | None, note: str, config_file: Path | None, *, as_json: bool
) -> None:
    """Make a token: its text goes to stdout, what else there is to say of it to stderr."""
    with _reported(as_json=as_json):
        config = loaded_config(config_file, as_json=as_json)
        _check_client(client, config)
        if len(note) > MAX_NOTE_CHARS or not note.isprintable():
            raise usage_error(f"--note is one line of at most {MAX_NOTE_CHARS} characters.")
        now = datetime.now(UTC)
        ends = None if expires is None else now + parse_duration(expires)
        made = create_token(config.tokens_path, client, now=now, expires_at=ends, note=note)
    if as_json:
        print_json(_document(made.record, now) | {"token": made.text})
        return
    sys.stderr.write(f"Token {made.record.id} of {client}; it is not shown again.\n")
    print(made.text)  # noqa: T201  the answer


def show_list(config_file: Path | None, *, as_json: bool) -> None:
    """Print a table of tokens, or one object a line."""
    with _reported(as_json=as_json):
        tokens = read_tokens(loaded_config(config_file, as_json=as_json).tokens_path)
    now = datetime.now(UTC)
    if as_json:
        for record in tokens:
            print_json(_document(record, now))
        return
    table = Table("ID", "CLIENT", "STATE", "CREATED", "ENDS", "NOTE", box=None)
    for record in tokens:
        ends = _minute(record.ended_at) if record.ended_at else "never"
        state, made = record.state(now), _minute(record.created_at)
        table.add_row(record.id, record.client, state, made, ends, record.note)
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def revoke(token_id: str, config_file: Path | None, *, as_json: bool) -> None:
    """End a token."""
    with _reported(as_json=as_json):
        config = loaded_config(config_file, as_json=as_json)
        now = datetime.now(UTC)
        record = revoke_token(config.tokens_path, token_id, now=now)
        if record is None:
            message = f"There is no token {token_id!r}: `rowferry token list` shows them."
            raise CommandError(ExitCode.USAGE, "NOT_FOUND", message)
    if as_json:
        print_json(_document(record, now))
    else:
        print(f"Token {record.id} of {record.client} is revoked.")  # noqa: T201  the answer


def parse_duration(text: str) -> timedelta:
    """Read ``90d``, ``12h`` or ``30m``; raise CommandError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise usage_error(f"--expires is a time such as 90d, 12h or 30m, not {text!r}.")
    return int(match[1]) * _UNITS[match[2]]


def _check_client(client: str, config: Config) -> None:
    names = [known.name for known in config.security.clients]
    if client not in names:
        known = f"it has {', '.join(names)}" if names else "it has none"
        raise usage_error(f"{client!r} is not in security.clients: {known}.")


def _document(record: TokenRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": record.id,
        "client": record.client,
        "state": record.state(now),
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
        "note": record.note,
    }


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


@contextmanager
def _reported(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except CommandError as exc:
        raise reported(exc, as_json=as_json) from exc
    except (ConfigError, OSError) as exc:
        raise reported(unusable(exc), as_json=as_json) from exc
