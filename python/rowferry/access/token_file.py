"""The file of the tokens that ``rowferry token`` makes: their hashes, never they themselves.

Several programs may change it at once, under a lock beside it; readers see the file before a
change or after it. Everything here is blocking.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec

from rowferry.access.token_text import make_token, token_digest, token_id
from rowferry.config_sources import ConfigError, Problem
from rowferry.durable_files import sync_folder, write_durably

KEPT_AFTER_END: Final = timedelta(days=90)
"""How long an ended token is told from one that never was."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a token; None = it never ended, or never will."""

    client: str
    sha256: str
    created_at: _Moment
    expires_at: _Moment | None = None
    revoked_at: _Moment | None = None
    note: str = ""

    @property
    def id(self) -> str:
        """The token's short name."""
        return token_id(self.sha256)

    @property
    def ended_at(self) -> datetime | None:
        """When it stops, or stopped, to open anything."""
        return self.revoked_at or self.expires_at

    def state(self, now: datetime) -> str:
        """Say in a word whether it opens anything: ``active``, ``expired``, ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tokens: tuple[TokenRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was just made: the only moment at which its text is known."""

    text: str
    record: TokenRecord

    def __repr__(self) -> str:
        return f"NewToken(id={self.record.id!r}, …)"


def read_tokens(path: Path) -> tuple[TokenRecord, ...]:
    """Give the tokens; none where there is no file. Raises ConfigError, OSError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    try:
        return msgspec.json.decode(content, type=_Document).tokens
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # both name a place and a type, and no value
        problem = Problem(
            source=str(path),
            key="security.tokens_file",
            expected="a file that rowferry token made",
            got=str(error),
        )
        raise ConfigError((problem,)) from None


def create_token(
    path: Path, client: str, *, now: datetime, expires_at: datetime | None = None, note: str = ""
) -> NewToken:
    """Make a token and keep its hash; it is durable when this returns."""
    text = make_token()
    record = TokenRecord(
        client=client,
        sha256=token_digest(text),
        created_at=now,
        expires_at=expires_at,
        note=note,
    )
    _change(path, now, lambda records: (*records, record))
    return NewToken(text=text, record=record)


def revoke_token(path: Path, wanted_id: str, *, now: datetime) -> TokenRecord | None:
    """End a token for good; None if there is none of that id."""
    found: list[TokenRecord] = []

    def revoked(record: TokenRecord) -> TokenRecord:
        if record.id != wanted_id:
            return record
        ended = record.revoked_at or now
        found.append(msgspec.structs.replace(record, revoked_at=ended))
        return found[-1]

    _change(path, now, lambda records: tuple(map(revoked, records)))
    return found[0] if found else None


_Records = tuple[TokenRecord, ...]


def _change(path: Path, now: datetime, change: Callable[[_Records], _Records]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(path):
        kept = [record for record in change(read_tokens(path)) if not _is_old(record, now)]
        _write(path, msgspec.json.format(msgspec.json.encode(_Document(tokens=tuple(kept)))))


def _is_old(record: TokenRecord, now: datetime) -> bool:
    return record.ended_at is not None and record.ended_at + KEPT_AFTER_END < now


def _write(path: Path, content: bytes) -> None:
    made = path.with_name(f"{path.name}.new")
    made.unlink(missing_ok=True)
    # for the owner alone from its first byte on
    os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    write_durably(made, content + b"\n")
    made.rename(path)
    sync_folder(path.parent)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
