"""Clients and tokens of the files, while a service runs."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from rowferry.access import credential_files as module
from rowferry.access.credential_files import CredentialFiles
from rowferry.access.token_file import TokenRecord, create_token, read_tokens, revoke_token
from rowferry.config import Config
from rowferry.config_groups import Server
from rowferry.config_security import Security, SecurityClient
from rowferry.config_sources import ConfigError
from rowferry.domain.access import Credentials, Door
from rowferry.domain.errors import RowferryError
from rowferry.domain.events import AccessReloaded, AccessReloadFailed
from tests.unit.export.in_memory import EventNotes

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def settings(folder: Path, *names: str) -> Config:
    clients = tuple(SecurityClient(name=name) for name in names)
    return Config(
        server=Server(data_directory=str(folder)),
        security=Security(auth_enabled=True, clients=clients),
    )


def files_of(config: Config, notes: EventNotes) -> CredentialFiles:
    return CredentialFiles(config, observer=notes, now=lambda: NOW, clock=lambda: 0.0)


def may_enter(files: CredentialFiles, token: str) -> bool:
    try:
        files.doorkeeper.admit(Door.GRPC, Credentials(token=token, address="127.0.0.1:1"))
    except RowferryError:
        return False
    return True


async def test_tokens_come_and_go_while_the_service_runs(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    config, notes = settings(tmp_path, "shop"), EventNotes()
    files = files_of(config, notes)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(files.watch)
        made = create_token(config.tokens_path, "shop", now=NOW)
        assert not may_enter(files, made.text)
        await notes.wait_for(AccessReloaded, 1)
        assert may_enter(files, made.text)
        revoke_token(config.tokens_path, made.record.id, now=NOW)
        await notes.wait_for(AccessReloaded, 2)
        assert not may_enter(files, made.text)
        nursery.cancel_scope.cancel()


async def test_a_broken_file_changes_nothing_and_is_told_of_once(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    config, notes = settings(tmp_path, "shop"), EventNotes()
    made = create_token(config.tokens_path, "shop", now=NOW)
    files = files_of(config, notes)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(files.watch)
        config.tokens_path.write_text("{")
        await notes.wait_for(AccessReloadFailed)
        await trio.sleep(10)
        assert len(notes.of(AccessReloadFailed)) == 1
        assert may_enter(files, made.text)
        config.tokens_path.unlink()
        await notes.wait_for(AccessReloaded)
        assert not may_enter(files, made.text)
        nursery.cancel_scope.cancel()


async def test_file_that_became_whole_while_it_was_read_is_read_again(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, notes = settings(tmp_path, "shop"), EventNotes()
    made = create_token(config.tokens_path, "shop", now=NOW)
    whole = config.tokens_path.read_text()
    files = files_of(config, notes)

    def read_in_the_middle(path: Path) -> Sequence[TokenRecord]:
        monkeypatch.setattr(module, "read_tokens", read_tokens)
        try:
            return read_tokens(path)
        finally:
            path.write_text(whole.replace('"shop"', '"else"'))

    monkeypatch.setattr(module, "read_tokens", read_in_the_middle)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(files.watch)
        config.tokens_path.write_text(whole[:20])
        await notes.wait_for(AccessReloadFailed)
        await notes.wait_for(AccessReloaded)
        assert not may_enter(files, made.text)
        nursery.cancel_scope.cancel()


def test_other_settings_are_in_force_when_they_are_committed(tmp_path: Path) -> None:
    config = settings(tmp_path, "shop")
    token = create_token(config.tokens_path, "late", now=NOW).text
    files = files_of(config, EventNotes())
    commit = files.prepare(settings(tmp_path, "shop", "late"))
    assert not may_enter(files, token)
    commit()
    assert may_enter(files, token)


def test_settings_whose_files_are_broken_change_nothing(tmp_path: Path) -> None:
    config = settings(tmp_path, "shop")
    token = create_token(config.tokens_path, "shop", now=NOW).text
    files = files_of(config, EventNotes())
    broken = SecurityClient(name="shop", token_sha256_file=str(tmp_path / "none"))
    security = msgspec.structs.replace(config.security, clients=(broken,))
    with pytest.raises(OSError, match="No such file"):
        files.prepare(msgspec.structs.replace(config, security=security))
    os.truncate(config.tokens_path, 1)
    with pytest.raises(ConfigError):
        files.prepare(config)
    assert may_enter(files, token)
