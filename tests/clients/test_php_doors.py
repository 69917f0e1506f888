"""The PHP client shows who it is, trusts whom it is told to, asks for tasks, and is refused."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.php import run_program
from tests.clients.php_transport import TRANSPORTS, PhpTransport
from tests.clients.program import Told
from tests.e2e.service_process import ServiceProcess, running_service
from tests.e2e.tls import TlsService, running_tls_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

TOKEN: Final = "a token of a test"  # noqa: S105  it opens nothing else
MESSAGE_BYTES: Final = 256 * 1024


@pytest.fixture(params=("curl", "ext-grpc", "http"))
def transport(request: pytest.FixtureRequest) -> PhpTransport:
    return TRANSPORTS[request.param]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service that asks who calls, and takes small messages."""
    folder = tmp_path_factory.mktemp("php")
    settings = folder / "settings.toml"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    settings.write_text(
        f"""
        [server]
        max_message_bytes = {MESSAGE_BYTES}

        [security]
        auth_enabled = true

        [[security.clients]]
        name = "shop"
        token_sha256 = ["{digest}"]
        """
    )
    arguments = ("-m", "rowferry", "serve", "--config", str(settings))
    with running_service(folder, arguments=arguments) as running:
        yield running


@pytest.fixture(scope="module")
def tls_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsService]:
    with running_tls_service(tmp_path_factory.mktemp("php-tls")) as running:
        yield running


def _told(service: ServiceProcess, transport: PhpTransport, program: str) -> list[Told]:
    return run_program(
        program,
        address=transport.address(service),
        transport=transport,
        environment={"ROWFERRY_TOKEN": TOKEN},
    )


def test_tasks(service: ServiceProcess, transport: PhpTransport) -> None:
    told = _told(service, transport, "tasks")
    status, *lists = [event for event in told if event["event"] in {"status", "list"}]
    assert (status["state"], status["format"], status["filename"]) == (
        "COMPLETED",
        "CSV",
        f"{transport.name} 7",
    )
    assert (status["records_processed"], len(status["sha256"])) == (1, 64)
    names = [f"{transport.name} {number}" for number in range(7, 0, -1)]
    assert [found["filenames"] for found in lists] == [names, [names[4]], [], [], names]
    failures = [event for event in told if event["event"] == "failed"]
    assert [(failure["class"], failure["code"]) for failure in failures] == [
        ("NotFoundException", "NOT_FOUND"),
        ("ConflictException", "INVALID_STATE"),
        ("ExportFailedException", "CANCELLED"),
    ]
    assert told[-1] == {"event": "cancelled", "reason": "for a test"}
    assert {"event": "deleted", "state": "EXPIRED"} in told


def test_refusals_are_the_class_of_their_code(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    told = _told(service, transport, "refusals")
    names = [event["name"] for event in told if event["event"] == "refusal"]
    found = [event for event in told if event["event"] != "refusal"]
    assert {
        name: (event.get("class"), event.get("code"))
        for name, event in zip(names, found, strict=True)
    } == {
        "another content under the same request": ("ConflictException", "IDEMPOTENCY_CONFLICT"),
        "a row that no message takes": ("LimitedException", "TOO_LARGE"),
        "no token": ("UnauthenticatedException", "UNAUTHENTICATED"),
        "a token that nobody knows": ("UnauthenticatedException", "UNAUTHENTICATED"),
        "columns that are none": ("InvalidRequestException", "INVALID_METADATA"),
    }


def test_the_token_is_in_no_dump_and_no_exception(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    objects, exception = _told(service, transport, "secrets")
    assert objects == {"event": "shown", "client": False, "export": False, "watch": False}
    assert exception == {"event": "shown", "exception": False, "text": False}


def test_an_authority_of_ones_own(tls_service: TlsService, transport: PhpTransport) -> None:
    address = f"https://{transport.address(tls_service.service)}"
    [done] = run_program(
        "export",
        "--rows=20000",
        address=address,
        transport=transport,
        environment={"ROWFERRY_CA": str(tls_service.ca_path)},
    )
    assert (done["state"], done["rows"]) == ("COMPLETED", 20_000)


def test_an_authority_that_nobody_named_is_not_trusted(
    tls_service: TlsService, transport: PhpTransport, tmp_path: Path
) -> None:
    address = f"https://{transport.address(tls_service.service)}"
    told = run_program(
        "export",
        "--rows=1",
        address=address,
        transport=transport,
        environment={"ROWFERRY_RETRY_FOR": "0.5"},
    )
    assert told[-1]["class"] == "UnreachableException"


def test_no_tls_where_it_is_spoken(tls_service: TlsService, transport: PhpTransport) -> None:
    told = run_program(
        "export",
        "--rows=1",
        address=f"http://{transport.address(tls_service.service)}",
        transport=transport,
        environment={"ROWFERRY_RETRY_FOR": "0.2", "ROWFERRY_SILENCE": "0.5"},
    )
    assert (told[-1]["class"], told[-1]["code"]) == ("UnreachableException", "UNREACHABLE")


def test_an_authority_that_is_no_file(
    tls_service: TlsService, transport: PhpTransport, tmp_path: Path
) -> None:
    told = run_program(
        "export",
        "--rows=1",
        address=f"https://{transport.address(tls_service.service)}",
        transport=transport,
        environment={"ROWFERRY_CA": str(tmp_path / "none.pem"), "ROWFERRY_RETRY_FOR": "0.2"},
    )
    assert told[-1]["event"] == "failed"
