"""The PHP client against the real service, over each of its transports."""

import hashlib
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Final

import pytest

from bench.dataset import COLUMNS, rows
from tests.clients.conformance import Case, cases
from tests.clients.php import Told, run_program
from tests.clients.php_transport import TRANSPORTS, PhpTransport
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
    told = run_program("conformance", address=transport.address(service), transport=transport)
    said: dict[str, Told] = {}
    for event in told:
        if event["event"] == "case":
            name = event["name"]
        else:
            said[name] = event
    return said


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if "php" not in case.get("skip", {})],
    ids=lambda case: case["name"],
)
def test_conformance(conformance: dict[str, Told], case: Case) -> None:
    said = conformance[case["name"]]
    if "error" in case:
        expected = case["error"]
        assert (said["event"], said["code"]) == ("failed", expected["code"]), said
        assert said["context"] == said["context"] | expected["context"]
        assert (said["class"] == "ExportFailedException") == ("task" in expected)
        assert said["request_id"]
        return
    assert said["event"] == "done", said
    with urllib.request.urlopen(said["url"]) as answer:  # noqa: S310  the service's own link
        content = answer.read()
    if "expected_csv" in case:
        assert content.decode() == case["expected_csv"]
    else:
        assert hashlib.sha256(content).hexdigest() == case["expected_sha256"]


@pytest.fixture(scope="module")
def sha256_by_another_door(service: ServiceProcess) -> dict[str, str]:
    """The files of the data set's rows, pushed with nothing but Python's ``urllib``."""
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(ROWS)).encode()
    columns = json.dumps([{"name": name, "data_type": kind} for name, kind in COLUMNS])
    return {
        file_format: _exported(service, body, file_format, columns)["checksum_sha256"]
        for file_format in ("csv", "xlsx")
    }


def _exported(service: ServiceProcess, body: bytes, file_format: str, columns: str) -> Told:
    query = urllib.parse.urlencode(
        {"format": file_format, "filename": "dataset", "columns": columns}
    )
    request = urllib.request.Request(
        f"http://{service.http}/v1/export?{query}",
        data=body,
        headers={"Content-Type": "application/x-ndjson"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310  the test's own service
        task: Told = json.load(answer)
    return task


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
    before, child, parent = run_program(
        "fork", address=transport.address(service), transport=transport
    )
    assert before["state"] == parent["state"] == "COMPLETED"
    if transport.name == "ext-grpc":
        assert "use the transport curl" in child["refused"]
    else:
        assert child["state"] == "COMPLETED"
