"""Who may pass is read again, wholly or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import trio
import trustme

from rowferry.access.credential_files import CredentialFiles
from rowferry.access.token_file import create_token
from rowferry.config import Config
from rowferry.config_groups import Server
from rowferry.config_security import Security, SecurityClient
from rowferry.config_sources import ConfigError, Problem
from rowferry.domain.access import Credentials, Door
from rowferry.domain.errors import RowferryError
from rowferry.domain.events import AccessReloaded, AccessReloadFailed
from rowferry.port_tls import PortTls
from rowferry.reloading import AccessReload
from tests.unit.export.in_memory import EventNotes
from tests.unit.wire.test_tls import issue

NOW = datetime(2026, 1, 31, tzinfo=UTC)


class Running:
    """What a service has of who may pass, and settings that a test changes."""

    def __init__(self, folder: Path) -> None:
        self.files = issue(trustme.CA(), folder)
        self.config = Config(
            server=Server(data_directory=str(folder)),
            security=Security(
                auth_enabled=True,
                clients=(SecurityClient(name="shop"),),
                tls_certificate=self.files.certificate,
                tls_key=self.files.key,
            ),
        )
        self.token = create_token(self.config.tokens_path, "late", now=NOW).text
        self.notes = EventNotes()
        self.credentials = CredentialFiles(
            self.config, observer=self.notes, now=lambda: NOW, clock=lambda: 0.0
        )
        self.tls = PortTls(self.config.security)
        self.reload = AccessReload(self._reread)
        self.failure: ConfigError | None = None

    def change(self, **security: object) -> None:
        changed = msgspec.structs.replace(self.config.security, **security)
        self.config = msgspec.structs.replace(self.config, security=changed)

    def break_certificate(self) -> None:
        Path(self.files.certificate).write_text("nothing")

    async def run(self) -> None:
        await self.reload.run(self.credentials, self.tls, self.notes)

    def may_enter(self) -> bool:
        try:
            self.credentials.doorkeeper.admit(Door.GRPC, Credentials(token=self.token))
        except RowferryError:
            return False
        return True

    def _reread(self) -> Config:
        if self.failure is not None:
            raise self.failure
        return self.config


async def test_clients_and_certificates_come_into_force_together(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    running = Running(tmp_path)
    source = running.tls.of("grpc")
    assert source is not None
    before = source()
    nursery.start_soon(running.run)
    running.change(clients=(SecurityClient(name="late"),))
    running.reload.ask()
    await running.notes.wait_for(AccessReloaded)
    assert running.may_enter()
    assert source() is not before


async def test_a_broken_certificate_keeps_clients_and_certificate_as_they_were(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    running = Running(tmp_path)
    source = running.tls.of("http")
    assert source is not None
    before = source()
    nursery.start_soon(running.run)
    running.change(clients=(SecurityClient(name="late"),))
    running.break_certificate()
    running.reload.ask()
    await running.notes.wait_for(AccessReloadFailed)
    (failed,) = running.notes.of(AccessReloadFailed)
    assert running.files.certificate in failed.message
    assert not running.may_enter()
    assert source() is before


async def test_settings_that_cannot_be_used_and_those_of_a_start_change_nothing(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    running = Running(tmp_path)
    nursery.start_soon(running.run)
    problem = Problem(source="file", key="security.clients", expected="clients", got="none")
    running.failure = ConfigError((problem,))
    running.reload.ask()
    await running.notes.wait_for(AccessReloadFailed, 1)
    running.failure = None
    running.change(auth_enabled=False)
    running.reload.ask()
    await running.notes.wait_for(AccessReloadFailed, 2)
    running.change(auth_enabled=True, tls_certificate="", tls_key="")
    running.reload.ask()
    await running.notes.wait_for(AccessReloadFailed, 3)
    messages = [event.message for event in running.notes.of(AccessReloadFailed)]
    assert ["restart" in message for message in messages] == [False, True, True]


@pytest.mark.parametrize("hashes", ["hashes.txt", "hash\0es.txt"])
async def test_a_file_of_hashes_that_is_none_changes_nothing(
    tmp_path: Path, nursery: trio.Nursery, hashes: str
) -> None:
    running = Running(tmp_path)
    nursery.start_soon(running.run)
    (tmp_path / "hashes.txt").write_bytes(b"\xff\xfe")
    late = SecurityClient(name="late", token_sha256_file=str(tmp_path / hashes))
    running.change(clients=(late,))
    running.reload.ask()
    await running.notes.wait_for(AccessReloadFailed)
    assert not running.may_enter()


async def test_asking_again_and_again_reads_twice_at_most(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    running = Running(tmp_path)
    for _ in range(5):
        running.reload.ask()
    nursery.start_soon(running.run)
    await running.notes.wait_for(AccessReloaded)
    running.reload.ask()
    await running.notes.wait_for(AccessReloaded, 2)
    assert len(running.notes.of(AccessReloaded)) == 2
