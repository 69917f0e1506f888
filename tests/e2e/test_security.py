"""A service that asks who calls, as its operators set it up and its users call it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CLIENTS = '\n[[security.clients]]\nname = "shop"\n'
SETTINGS = f"[security]\nauth_enabled = true\n{CLIENTS}"


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(SETTINGS)
    return file


@pytest.fixture
def service(tmp_path: Path, settings_file: Path) -> Iterator[ServiceProcess]:
    data = tmp_path / "data"
    data.mkdir()
    arguments = ("-m", "rowferry", "serve", "--config", str(settings_file))
    with running_service(data, arguments=arguments) as service:
        yield service


def rowferry(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: text for name, text in os.environ.items() if "ROWFERRY" not in name}
    return subprocess.run(
        [sys.executable, "-m", "rowferry", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=inherited | environment,
    )


def make_token(service: ServiceProcess, settings_file: Path, client: str) -> str:
    made = rowferry(
        *("token", "create", client, "--config", settings_file),
        ROWFERRY__SERVER__DATA_DIRECTORY=str(service.data_directory),
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def test_a_new_token_opens_a_running_service(
    service: ServiceProcess, settings_file: Path, tmp_path: Path
) -> None:
    rows, token_file = tmp_path / "rows.csv", tmp_path / "token"
    rows.write_text("a,b\n1,2\n")
    kept_out = rowferry("export", rows, "--address", service.grpc)
    assert (kept_out.returncode, "UNAUTHENTICATED" in kept_out.stderr) == (1, True)
    token = make_token(service, settings_file, "shop")
    service.log.wait_for("AccessReloaded")
    token_file.write_text(token)
    done = rowferry("export", rows, "--address", service.grpc, "--token-file", token_file)
    assert done.returncode == 0, done.stderr
    listed = rowferry("list", "--address", service.grpc, ROWFERRY_TOKEN=token)
    assert (listed.returncode, "rows" in listed.stdout) == (0, True)
    service.stop()
    refused = service.log.named("AccessRefused")
    assert [event["reason"] for event in refused] == ["nothing_shown"]
    assert not [line for line in service.log.named("TaskCreated") if token in str(line)]


def test_sighup_reads_the_settings_again(service: ServiceProcess, settings_file: Path) -> None:
    settings_file.write_text(SETTINGS + CLIENTS.replace("shop", "late"))
    token = make_token(service, settings_file, "late")
    service.log.wait_for("AccessReloaded", what="tokens")  # of a client that is not known yet
    kept_out = rowferry("list", "--address", service.grpc, ROWFERRY_TOKEN=token)
    assert "FORBIDDEN" in kept_out.stderr
    service.process.send_signal(signal.SIGHUP)
    service.log.wait_for("AccessReloaded", what="settings")
    assert _comes_in(service, token)
    settings_file.write_text("[security]\nauth_enabled = 7\n")
    service.process.send_signal(signal.SIGHUP)
    assert "auth_enabled" in service.log.wait_for("AccessReloadFailed")["message"]
    assert _comes_in(service, token)


def _comes_in(service: ServiceProcess, token: str) -> bool:
    """Tell whether a client gets in."""
    return rowferry("list", "--address", service.grpc, ROWFERRY_TOKEN=token).returncode == 0


OPEN = {"ROWFERRY__SERVER__HOST": "192.0.2.1"}


def test_an_open_address_needs_authentication_or_consent(tmp_path: Path) -> None:
    environment = OPEN | {"ROWFERRY__SERVER__DATA_DIRECTORY": str(tmp_path / "data")}
    refused = rowferry("serve", **environment)
    assert refused.returncode == 2
    assert "security.auth_enabled" in refused.stderr
    assert not (tmp_path / "data").exists()
    checked = rowferry(
        "check-config", **environment, ROWFERRY__SECURITY__ALLOW_UNAUTHENTICATED="true"
    )
    assert (checked.returncode, "192.0.2.1 is let in" in checked.stderr) == (0, True)
