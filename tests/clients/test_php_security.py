"""Tokens and TLS: the PHP client and a service that asks who calls, or can be trusted or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.php import Told, run_program
from tests.clients.php_transport import TRANSPORTS, PhpTransport
from tests.e2e.service_process import ServiceProcess, running_service
from tests.e2e.test_security import CLIENTS, make_token
from tests.e2e.tls import TlsService, running_tls_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(60)]


@pytest.fixture(params=["curl", "ext-grpc", "http"])
def transport(request: pytest.FixtureRequest) -> PhpTransport:
    return TRANSPORTS[request.param]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceProcess, str]]:
    """A service that asks for tokens, and one that it takes."""
    settings_file = tmp_path_factory.mktemp("settings") / "settings.toml"
    settings_file.write_text(f"[security]\nauth_enabled = true\n{CLIENTS}")
    arguments = ("-m", "rowferry", "serve", "--config", str(settings_file))
    with running_service(tmp_path_factory.mktemp("data"), arguments=arguments) as service:
        token = make_token(service, settings_file, "shop")
        service.log.wait_for("AccessReloaded")
        yield service, token


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsService]:
    with running_tls_service(tmp_path_factory.mktemp("tls")) as running:
        yield running


def _told(transport: PhpTransport, address: str, **environment: str) -> Told:
    told = run_program(
        "export", "--rows=1", address=address, transport=transport, environment=environment
    )
    return told[-1]


@pytest.mark.parametrize("shown", ["", "rf_not-a-token-of-this-service"])
def test_who_shows_no_token_of_the_service_is_kept_out(
    transport: PhpTransport, guarded: tuple[ServiceProcess, str], shown: str
) -> None:
    service, _ = guarded
    failed = _told(transport, transport.address(service), ROWFERRY_TOKEN=shown)
    assert (failed["class"], failed["code"]) == ("UnauthenticatedException", "UNAUTHENTICATED")
    assert shown == "" or shown not in str(failed)


def test_a_token_opens(transport: PhpTransport, guarded: tuple[ServiceProcess, str]) -> None:
    service, token = guarded
    done = _told(transport, transport.address(service), ROWFERRY_TOKEN=token)
    assert (done["event"], done["state"]) == ("done", "COMPLETED")


def test_tls_by_an_authority_that_is_trusted(transport: PhpTransport, tls: TlsService) -> None:
    address = f"https://{transport.address(tls.service)}"
    done = _told(transport, address, ROWFERRY_CA=str(tls.ca_path))
    assert (done["event"], done["state"]) == ("done", "COMPLETED")


def test_tls_by_nobody_that_is_trusted(transport: PhpTransport, tls: TlsService) -> None:
    address = f"https://{transport.address(tls.service)}"
    failed = _told(transport, address, ROWFERRY_RETRY_FOR="0.2")
    assert (failed["class"], failed["code"]) == ("UnreachableException", "UNREACHABLE")


def test_no_tls_where_it_is_spoken(transport: PhpTransport, tls: TlsService) -> None:
    address = f"http://{transport.address(tls.service)}"
    failed = _told(transport, address, ROWFERRY_RETRY_FOR="0.2", ROWFERRY_SILENCE="0.5")
    assert (failed["class"], failed["code"]) == ("UnreachableException", "UNREACHABLE")


def test_the_authority_is_no_file(
    transport: PhpTransport, tls: TlsService, tmp_path: Path
) -> None:
    address = f"https://{transport.address(tls.service)}"
    missing = str(tmp_path / "none.pem")
    failed = _told(transport, address, ROWFERRY_CA=missing, ROWFERRY_RETRY_FOR="0.2")
    assert failed["event"] == "failed", failed
