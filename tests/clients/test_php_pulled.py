"""The PHP client has the service pull rows, and watches tasks on the service's own streams."""

import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.clients.php import run_program, running_program
from tests.clients.php_transport import TRANSPORTS, PhpTransport
from tests.clients.program import Told
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.cut_network import CutNetwork

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

_PROVIDER: Final = """
[[providers.sql_queries]]
name = "numbers"
url = "sqlite:///{database}"
statement = \"""
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
SELECT n, :text AS text, :factor AS factor FROM numbers\"""
parameters.last = {{ type = "integer" }}
parameters.text = {{ type = "string", default = "" }}
parameters.factor = {{ type = "number", default = 1 }}
columns = [{{ name = "Number", data_type = "NUMBER" }}, {{ name = "Text" }}, {{ name = "Factor" }}]
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("php")
    settings = folder / "settings.toml"
    (folder / "shop.db").touch()
    settings.write_text(_PROVIDER.format(database=folder / "shop.db"))
    arguments = ("-m", "rowferry", "serve", "--config", str(settings))
    with running_service(folder, arguments=arguments) as running:
        yield running


@pytest.fixture(params=["curl", "ext-grpc", "http"])
def transport(request: pytest.FixtureRequest) -> PhpTransport:
    return TRANSPORTS[request.param]


def test_pulled_exports(service: ServiceProcess, transport: PhpTransport) -> None:
    told = run_program("pulled", address=transport.address(service), transport=transport)
    by_event = {event["event"]: event for event in told}
    created, again = by_event["created"], by_event["again"]
    assert created["state"] in {"QUEUED", "PROCESSING"}
    assert created["task_id"] == again["task_id"]
    assert created["request_id"] == f"numbers over {transport.name}"
    assert by_event["later"]["state"] == "SCHEDULED"
    done = by_event["done"]
    assert (done["owner"], done["rows"]) == ("ada", 3)
    with urllib.request.urlopen(done["url"]) as answer:  # noqa: S310  the service's own link
        content = answer.read().decode()
    rows = [f'{number},"数 ""1""",0.1\r\n' for number in (1, 2, 3)]
    assert content == "No.,Text,Factor\r\n" + "".join(rows)
    assert _refusals(told) == {
        "another content": ("ConflictException", "IDEMPOTENCY_CONFLICT", None),
        "no provider": ("InvalidRequestException", "INVALID_METADATA", "provider"),
        "another provider": ("InvalidRequestException", "INVALID_METADATA", "provider"),
        "another type": ("InvalidRequestException", "INVALID_METADATA", "parameters.last"),
        "too many parameters": ("InvalidRequestException", "INVALID_METADATA", "parameters"),
        "what JSON can't say": ("InvalidRequestException", "INVALID_METADATA", "parameters"),
        "other columns": ("InvalidRequestException", "INVALID_METADATA", "columns"),
    }


def _refusals(told: list[Told]) -> dict[str, tuple[str, str, str | None]]:
    return {
        asked["event"]: (failed["class"], failed["code"], failed["context"].get("field"))
        for asked, failed in pairwise(told)
        if failed["event"] == "failed"
    }


def test_a_task_is_watched_to_its_end(service: ServiceProcess, transport: PhpTransport) -> None:
    address = transport.address(service)
    with running_program("watch", address=address, transport=transport) as program:
        first = program.wait_for("state")
        timed, at_once = program.wait_for("timed"), program.wait_for("at once")
        program.wait_for("watching")
        program.go_on()
        *states, done = program.rest()
    assert {first["state"], timed["state"], at_once["state"]} <= {"QUEUED", "PROCESSING"}
    assert {event["event"] for event in states} == {"state"}
    assert states[-1] == {"event": "state", "state": "COMPLETED", "task_id": first["task_id"]}
    assert done["url"]
    assert done["rows"] == 1


def test_watching_goes_on_behind_a_cut(service: ServiceProcess, transport: PhpTransport) -> None:
    with (
        CutNetwork.before(transport.address(service)) as network,
        running_program("watch", address=network.address, transport=transport) as program,
    ):
        program.wait_for("watching")
        network.reset()
        program.go_on()
        told = program.rest()
    logged = [event["message"] for event in told if event["event"] == "logged"]
    assert any("watched over a new connection" in message for message in logged)
    assert told[-2]["state"] == "COMPLETED"
    assert told[-1]["url"]


def test_watching_goes_on_with_a_service_that_is_started_again(
    tmp_path: Path, transport: PhpTransport
) -> None:
    with running_service(tmp_path) as first:
        ports = {
            "server.port": first.grpc.rpartition(":")[2],
            "server.status_port": first.http.rpartition(":")[2],
        }
        address = transport.address(first)
        with running_program("watch", address=address, transport=transport) as program:
            program.wait_for("watching")
            first.kill()
            program.go_on()
            with running_service(tmp_path, ports):
                done = program.wait_for("done")
    assert done["rows"] == 1
