from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rowferry.domain.links import link_claim
from rowferry.domain.spec import Format
from rowferry.domain.task import Task, TaskState

EXPIRY = datetime(2025, 1, 9, 12, 0, 0, 700_000, tzinfo=UTC)
COMPLETED = Task(
    id="0" * 32,
    client="shop",
    request_id="request",
    request_hash="",
    format=Format.CSV,
    filename="orders",
    created_at=datetime(2025, 1, 2, tzinfo=UTC),
    state=TaskState.COMPLETED,
    attempt=2,
    link_expires_at=EXPIRY,
)


@pytest.mark.parametrize("state", [s for s in TaskState if s is not TaskState.COMPLETED])
def test_only_a_completed_task_has_a_link(state: TaskState) -> None:
    assert link_claim(replace(COMPLETED, state=state)) is None
    assert link_claim(COMPLETED) is not None


def test_task_whose_link_has_no_end_has_no_link() -> None:
    assert link_claim(replace(COMPLETED, link_expires_at=None)) is None


def test_link_ends_at_a_whole_second_in_utc() -> None:
    in_tokyo = EXPIRY.astimezone(timezone(timedelta(hours=9)))
    claim = link_claim(replace(COMPLETED, link_expires_at=in_tokyo))
    assert claim is not None
    assert claim.expires_at.isoformat() == "2025-01-09T12:00:00+00:00"
    assert not claim.expired(claim.expires_at - timedelta(microseconds=1))
    assert claim.expired(claim.expires_at)


@pytest.mark.parametrize(
    "change",
    [
        {"client": "bank"},
        {"id": "1" * 32},
        {"attempt": 3},
        {"state": TaskState.EXPIRED},
        {"state": TaskState.PROCESSING},
    ],
    ids=str,
)
def test_link_opens_its_own_file_only(change: dict[str, Any]) -> None:
    claim = link_claim(COMPLETED)
    assert claim is not None
    assert claim.opens(replace(COMPLETED, version=9))
    assert not claim.opens(replace(COMPLETED, **change))
