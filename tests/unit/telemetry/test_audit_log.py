"""Who did what is in the audit log, and nothing that opens a door."""

import errno
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from rowferry.domain import events
from rowferry.domain.access import CALLER, Caller
from rowferry.telemetry import audit_log as module
from rowferry.telemetry.audit_log import REFUSALS_AT_ONCE, AuditLog, audit_log

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TASK = {"task_id": "t1", "request_id": "r1", "client": "shop"}
CREATED = events.TaskCreated(**TASK, format="CSV", columns=2)
KEPT_OUT = events.CallerKeptOut(door="http", reason="token_unknown", address="192.0.2.1")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audit(path: Path, clock: Clock) -> Iterator[AuditLog]:
    with audit_log(str(path), now=lambda: NOW, clock=clock) as log:
        yield log


@pytest.fixture
def caller() -> Iterator[None]:
    shown = Caller(client="shop", address="192.0.2.1:5", identity="token:abc")
    former = CALLER.set(shown)
    yield
    CALLER.reset(former)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.usefixtures("caller")
def test_line_says_who_did_what_when_and_from_where(audit: AuditLog, path: Path) -> None:
    audit.observe(CREATED)
    assert lines(path) == [
        {
            "time": "2026-05-01T12:00:00.000Z",
            "action": "create",
            "outcome": "ok",
            **TASK,
            "identity": "token:abc",
            "address": "192.0.2.1:5",
        }
    ]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            events.ValidationError(client="shop", error_code="FORBIDDEN", message="No."),
            {"action": "create", "outcome": "FORBIDDEN", "client": "shop"},
        ),
        (
            events.TaskCommandAnswered(
                client="shop", task_id="t1", command="delete", outcome="NOT_FOUND"
            ),
            {"action": "delete", "outcome": "NOT_FOUND", "client": "shop", "task_id": "t1"},
        ),
        (
            events.FileDownloaded(**TASK, sent_bytes=7, redirected=False),
            {"action": "download", "outcome": "ok", **TASK, "sent_bytes": 7, "redirected": False},
        ),
        (
            KEPT_OUT,
            {
                "action": "enter",
                "outcome": "token_unknown",
                "door": "http",
                "address": "192.0.2.1",
            },
        ),
        (
            events.AccessReloaded(what="tokens"),
            {"action": "change_access", "outcome": "ok", "what": "tokens"},
        ),
    ],
)
def test_each_action_has_its_line(
    audit: AuditLog, path: Path, event: events.Event, expected: dict[str, Any]
) -> None:
    audit.observe(event)
    (line,) = lines(path)
    assert line == {"time": "2026-05-01T12:00:00.000Z", **expected}


def test_what_goes_wrong_with_rows_is_no_action(audit: AuditLog, path: Path) -> None:
    audit.observe(
        events.ValidationError(
            client="shop", error_code="INVALID_ROW", message="No.", task_id="t1"
        )
    )
    audit.observe(events.ServiceStopped())
    assert lines(path) == []


def test_file_is_its_owners_alone_and_goes_on_after_a_restart(path: Path, clock: Clock) -> None:
    for _ in range(2):
        with audit_log(str(path), now=lambda: NOW, clock=clock) as log:
            log.observe(CREATED)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(lines(path)) == 2


def test_strangers_can_fill_no_disk(audit: AuditLog, path: Path, clock: Clock) -> None:
    for _ in range(REFUSALS_AT_ONCE + 30):
        audit.observe(KEPT_OUT)
    assert len(lines(path)) == REFUSALS_AT_ONCE
    clock.now += 1
    audit.observe(KEPT_OUT)
    assert lines(path)[-1]["not_written"] == 30


@pytest.mark.parametrize(
    "event",
    [
        events.AccessReloaded(what="settings"),
        events.AccessReloadFailed(what="settings", message="No."),
    ],
)
def test_moved_file_is_followed_by_a_new_one(
    audit: AuditLog, path: Path, event: events.Event
) -> None:
    audit.observe(CREATED)
    path.rename(path.with_suffix(".1"))
    audit.observe(event)
    audit.observe(CREATED)
    assert len(lines(path.with_suffix(".1"))) == 1
    assert lines(path)[-1]["action"] == "create"


def test_file_that_cannot_be_opened_again_goes_on(
    audit: AuditLog, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    moved = path.rename(path.with_suffix(".1"))
    path.mkdir()
    audit.observe(events.AccessReloaded(what="settings"))
    audit.observe(CREATED)
    assert len(lines(moved)) == 2
    assert "could not be opened again" in caplog.text


def test_full_disk_is_an_error_in_the_log_and_stops_nobody(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with audit_log("/dev/full", now=lambda: NOW, clock=clock) as log:
        log.observe(CREATED)
    assert "could not be written" in caplog.text


def test_without_a_path_nothing_is_written(clock: Clock, tmp_path: Path) -> None:
    with audit_log("", now=lambda: NOW, clock=clock) as log:
        log.observe(CREATED)
    assert list(tmp_path.iterdir()) == []


async def test_what_was_written_is_synced_soon(
    audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _file: synced.set())
    monkeypatch.setattr(module, "SYNC_SECONDS", 0.01)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(audit.run)
        await trio.sleep(0.05)
        assert not synced.is_set()
        audit.observe(CREATED)
        limiter = trio.CapacityLimiter(1)
        assert await trio.to_thread.run_sync(synced.wait, 20, limiter=limiter)
        nursery.cancel_scope.cancel()


async def test_lines_are_synced_later_while_too_many_files_are_open(
    audit: AuditLog, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    duplicate, refused, synced = os.dup, trio.Event(), threading.Event()

    def refuse(_file: int) -> int:
        monkeypatch.setattr(os, "dup", duplicate)
        refused.set()
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", refuse)
    monkeypatch.setattr(os, "fsync", lambda _file: synced.set())
    audit.observe(CREATED)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(audit.run)
        await refused.wait()
        limiter = trio.CapacityLimiter(1)
        assert await trio.to_thread.run_sync(synced.wait, 20, limiter=limiter)
        nursery.cancel_scope.cancel()
