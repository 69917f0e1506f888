"""The PHP client against the real service, over each of its transports."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.clients.conformance import Case, assert_said, by_case, cases
from tests.clients.dataset_files import sha256_by_http
from tests.clients.php import run_program
from tests.clients.php_transport import TRANSPORTS, PhpTransport
from tests.clients.program import Told
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

ROWS: Final = 200_000
MIB: Final = 2**20
PEAK_BYTES: Final = 16 * MIB


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("php")) as running:
        yield running


@pytest.fixture(scope="module", params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> PhpTransport:
    return TRANSPORTS[request.param]


@pytest.fixture(scope="module")
def conformance(service: ServiceProcess, transport: PhpTransport) -> dict[str, Told]:
    """What the client said of each case: one program exports them all."""
    return by_case(
        run_program("conformance", address=transport.address(service), transport=transport)
    )


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if "php" not in case.get("skip", {})],
    ids=lambda case: case["name"],
)
def test_conformance(conformance: dict[str, Told], case: Case) -> None:
    assert_said(conformance[case["name"]], case, failed="ExportFailedException")


@pytest.fixture(scope="module")
def sha256_by_another_door(service: ServiceProcess) -> dict[str, str]:
    """The files of the data set's rows, pushed with nothing but Python's ``urllib``."""
    return {name: sha256_by_http(service, ROWS, name) for name in ("csv", "xlsx")}


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_many_rows_make_the_same_file_as_by_another_door(
    service: ServiceProcess,
    transport: PhpTransport,
    sha256_by_another_door: dict[str, str],
    file_format: str,
) -> None:
    [done] = run_program(
        "export",
        f"--rows={ROWS}",
        f"--format={file_format}",
        address=transport.address(service),
        transport=transport,
    )
    assert done["state"] == "COMPLETED"
    assert done["rows"] == done["rows_kept"] == ROWS
    assert done["sha256"] == sha256_by_another_door[file_format]
    assert done["peak_bytes"] <= PEAK_BYTES


@pytest.mark.parametrize("transport", ["curl", "ext-grpc", "http"], indirect=True)
def test_memory_does_not_grow_with_the_rows(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    [done] = run_program(
        "export",
        f"--rows={4 * ROWS}",
        address=transport.address(service),
        transport=transport,
    )
    assert done["rows"] == 4 * ROWS
    assert done["peak_bytes"] <= PEAK_BYTES


def test_a_process_that_forks_is_served_or_told(
    service: ServiceProcess, transport: PhpTransport
) -> None:
    before, *held, child, ended, parent = run_program(
        "fork", address=transport.address(service), transport=transport
    )
    assert ["belongs to the process" in event["refused"] for event in held] == [True] * 3
    assert ended["rows"] == 1
    assert before["state"] == parent["state"] == "COMPLETED"
    if transport.name == "ext-grpc":
        assert "use the transport curl" in child["refused"]
    else:
        assert child["state"] == "COMPLETED"
