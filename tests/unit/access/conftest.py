"""A doorkeeper over settings and tokens of a test."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rowferry.access.client_list import ClientList
from rowferry.access.doorkeeper import ClientDoorkeeper
from rowferry.access.refusals import Refusals
from rowferry.access.token_file import TokenRecord
from rowferry.access.token_text import token_digest
from rowferry.config_security import Security
from tests.unit.export.in_memory import EventNotes

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MakeDoorkeeper = Callable[..., ClientDoorkeeper]


@pytest.fixture
def notes() -> EventNotes:
    return EventNotes()


@pytest.fixture
def make_doorkeeper(notes: EventNotes) -> MakeDoorkeeper:
    def make(security: Security, *tokens: TokenRecord) -> ClientDoorkeeper:
        refusals = Refusals(notes, clock=lambda: 0.0)
        return ClientDoorkeeper(
            ClientList.of(security), tokens, refusals=refusals, now=lambda: NOW
        )

    return make


def record(
    text: str, *, expires_at: datetime | None = None, revoked_at: datetime | None = None
) -> TokenRecord:
    """Give what is kept of a token."""
    return TokenRecord(
        client="shop",
        sha256=token_digest(text),
        created_at=NOW,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
