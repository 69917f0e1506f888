"""The OpenAPI document is that of this service: of its addresses, its answers and its errors."""

import re
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest
import trio

from rowferry.composition import assemble, limiters_for
from rowferry.config import Config
from rowferry.data_directory import open_adapters
from rowferry.domain.spec import Format
from rowferry.domain.task import Task
from rowferry.domain.view import TaskView
from rowferry.doors import Addresses, Doors
from rowferry.export.live_task import LiveTasks
from rowferry.openapi.document import OPERATIONS, openapi_document
from rowferry.openapi.operation import Operation
from rowferry.status.http_api import status_api
from rowferry.telemetry.event_log import ObserverGroup
from rowferry.wire.task_json import task_document

# Applications that take several methods themselves, or whatever comes behind a path.
_SPELLED_OUT: Final[Mapping[tuple[str, str], set[tuple[str, str]]]] = {
    ("*", "/d/*"): {("GET", "/d/{token}")},
}
TASK: Final = Task(
    id="0" * 32,
    client="default",
    request_id="r",
    request_hash="",
    format=Format.CSV,
    filename="orders",
    created_at=datetime(2026, 5, 1, tzinfo=UTC),
)


async def served_addresses(config: Config) -> set[tuple[str, str]]:
    observer = ObserverGroup([])
    async with open_adapters(config, observer) as adapters:
        limiters = limiters_for(config)
        exports = assemble(config, adapters, limiters, LiveTasks())
        routes = Doors(config, adapters, exports, limiters).http_routes()
        api = status_api(exports.queries, exports.commands, observer)
    served: set[tuple[str, str]] = set()
    for route in routes.routes:
        address = (route.method, route.path)
        served |= _SPELLED_OUT.get(address, {address})
    for rule in api.url_map.iter_rules():
        path = re.sub(r"<(\w+)>", r"{\1}", rule.rule)
        served |= {(method, path) for method in rule.methods or ()}
    described_with_get = {("HEAD", path) for method, path in served if method == "GET"}
    return {address for address in served - described_with_get if address[0] != "OPTIONS"}


async def test_every_address_is_described_and_every_described_one_is_there(config: Config) -> None:
    described = {(operation.method, operation.path) for operation in OPERATIONS}
    assert await served_addresses(config) == described


async def test_document_is_served_to_everybody(addresses: Addresses) -> None:
    def ask() -> tuple[int, str, Any]:
        with urllib.request.urlopen(f"http://{addresses.http}/openapi.json") as answer:
            body = msgspec.json.decode(answer.read())
            return answer.status, answer.headers["content-type"], body

    status, content_type, document = await trio.to_thread.run_sync(ask)
    assert (status, content_type) == (200, "application/json")
    assert document == msgspec.json.decode(msgspec.json.encode(openapi_document()))


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_description() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    for operation in OPERATIONS:
        assert operation.summary
        assert operation.description.endswith(".")


def test_references_and_links_lead_somewhere() -> None:
    document = openapi_document()
    schemas = document["components"]["schemas"]
    references = re.findall(r"#/components/schemas/(\w+)", str(document))
    assert set(references) == set(schemas)
    linked = {
        name for operation in OPERATIONS for a in operation.answers.values() for name in a.links
    }
    assert linked <= {operation.name for operation in OPERATIONS}


def test_task_is_described_with_every_field_of_its_document() -> None:
    task = openapi_document()["components"]["schemas"]["Task"]
    assert task["required"] == list(task_document(TaskView(task=TASK)))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_path_parameters_are_described(operation: Operation) -> None:
    places = {p.name for p in operation.parameters if p.place == "path"}
    assert places == set(re.findall(r"{(\w+)}", operation.path))
