"""Pulled exports through the doors of the whole service, from a database of the test's own."""

import http.client
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from rowferry.client.errors import RowferryError
from rowferry.client.service_calls import ServiceCalls
from rowferry.config import Config
from rowferry.config_groups import SqlQuerySettings
from rowferry.doors import Addresses
from rowferry.v1 import export_pb2 as pb

ORDERS = "SELECT id, country FROM orders WHERE country = :country ORDER BY id"
ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"
JSON = {"Content-Type": "application/json"}
Ask = Callable[..., Awaitable[tuple[int, dict[str, str], Any]]]


@pytest.fixture
def config(configure: Callable[..., Config], tmp_path: Path) -> Config:
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, country TEXT)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", [(1, "DE"), (2, "FR")])
    connection.close()
    url = f"sqlite:///{database}"
    orders = SqlQuerySettings(
        name="orders", url=url, statement=ORDERS, parameters={"country": {"type": "string"}}
    )
    endless = SqlQuerySettings(name="endless", url=url, statement=ENDLESS)
    broken = SqlQuerySettings(name="broken", url=url, statement="SELECT id FROM nowhere")
    return configure(
        providers={"sql_queries": (orders, endless, broken)}, retry={"max_attempts": 1}
    )


@pytest.fixture
def ask(addresses: Addresses) -> Ask:
    """Talk to the HTTP port with a client nobody here wrote: status, headers, JSON."""

    def blocking(
        method: str, path: str, body: object, headers: dict[str, str] | None
    ) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection(addresses.http, timeout=20)
        try:
            data = body if isinstance(body, bytes) else msgspec.json.encode(body)
            connection.request(method, path, data, JSON if headers is None else headers)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, fields, msgspec.json.decode(answer.read())
        finally:
            connection.close()

    async def asked(
        method: str, path: str, body: object = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        limiter = trio.CapacityLimiter(1)
        return await trio.to_thread.run_sync(
            blocking, method, path, body, headers, limiter=limiter
        )

    return asked


def _document(request_id: str = "r", **fields: object) -> dict[str, object]:
    metadata = {"request_id": request_id, "format": "CSV", "filename": "orders"}
    return {
        "metadata": metadata,
        "provider": "orders",
        "parameters": {"country": "DE"},
        **fields,
    }


async def _final(client: ServiceCalls, task_id: str) -> pb.TaskStatus:
    async with client.watch(task_id) as states:
        return [state async for state in states][-1]


async def test_export_created_over_http_is_made_without_its_client(
    ask: Ask, client: ServiceCalls, download: Callable[[str], Awaitable[tuple[bytes, str]]]
) -> None:
    status, headers, task = await ask("POST", "/v1/exports", _document())
    assert (status, headers["location"]) == (202, f"/v1/exports/{task['task_id']}")
    assert task["status"] in {"QUEUED", "PROCESSING", "UPLOADING", "COMPLETED"}
    done = await _final(client, task["task_id"])
    assert (done.status, done.records_processed) == (pb.COMPLETED, 1)
    content, _ = await download(done.oss_url)
    assert content == b"id,country\r\n1,DE\r\n"


async def test_export_created_over_grpc_is_the_same_task_over_http(
    ask: Ask, client: ServiceCalls
) -> None:
    metadata = pb.ExportMetadata(request_id="r", format=pb.CSV, filename="orders")
    created = await client.create(
        pb.CreateExportRequest(
            metadata=metadata, provider="orders", parameters_json='{"country":"DE"}'
        )
    )
    _, _, again = await ask("POST", "/v1/exports", _document())
    assert again["task_id"] == created.task_id


async def test_request_id_may_be_the_idempotency_key(ask: Ask) -> None:
    headers = {**JSON, "Idempotency-Key": "july"}
    status, _, task = await ask("POST", "/v1/exports", _document(""), headers)
    assert (status, task["request_id"]) == (202, "july")
    status, _, refused = await ask("POST", "/v1/exports", _document("june"), headers)
    assert (status, refused["error"]["code"]) == (400, "INVALID_METADATA")


async def test_task_for_later_is_scheduled_and_can_be_cancelled(ask: Ask) -> None:
    _, _, task = await ask("POST", "/v1/exports", _document(run_at="2100-01-01T00:00:00Z"))
    assert task["status"] == "SCHEDULED"
    path = f"/v1/exports/{task['task_id']}"
    _, _, cancelled = await ask("POST", f"{path}/cancel", {"reason": "enough"})
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("CANCELLED", "enough")
    status, _, refused = await ask("POST", f"{path}/retry")
    assert (status, refused["error"]["code"]) == (409, "INVALID_STATE")


async def test_running_statement_ends_with_its_export(ask: Ask, client: ServiceCalls) -> None:
    document = _document(provider="endless", parameters={})
    _, _, task = await ask("POST", "/v1/exports", document)
    async with client.watch(task["task_id"]) as states:
        async for state in states:
            if state.records_processed:
                break
    cancelled = await client.cancel(task["task_id"])
    assert cancelled.status == pb.CANCELLED


async def test_statement_that_the_database_refuses_is_told_at_once_and_without_its_text(
    ask: Ask,
) -> None:
    document = _document(provider="broken", parameters={})
    status, _, refused = await ask("POST", "/v1/exports", document)
    assert (status, refused["error"]["code"]) == (422, "PROVIDER_REFUSED")
    assert refused["error"]["context"] == {"provider": "broken", "provider_code": "SQLITE_ERROR"}
    assert "nowhere" not in str(refused)


async def test_failed_export_is_tried_again_by_hand(
    ask: Ask, client: ServiceCalls, tmp_path: Path
) -> None:
    database = tmp_path / "shop.db"
    _, _, first = await ask("POST", "/v1/exports", _document())  # the columns are known now
    assert (await _final(client, first["task_id"])).status == pb.COMPLETED
    database.rename(tmp_path / "away.db")
    _, _, task = await ask("POST", "/v1/exports", _document("again"))
    failed = await _final(client, task["task_id"])
    assert (failed.status, failed.error_code) == (pb.FAILED, "PROVIDER_FAILED")
    (tmp_path / "away.db").rename(database)
    assert (await client.retry(task["task_id"])).attempt == 2
    assert (await _final(client, task["task_id"])).status == pb.COMPLETED


async def test_deleted_export_leaves_nothing_but_its_name(ask: Ask, client: ServiceCalls) -> None:
    _, _, task = await ask("POST", "/v1/exports", _document())
    done = await _final(client, task["task_id"])
    assert done.status == pb.COMPLETED
    path = f"/v1/exports/{task['task_id']}"
    status, _, deleted = await ask("DELETE", path)
    assert (status, deleted["status"], deleted["oss_url"]) == (200, "EXPIRED", "")
    status, _, refused = await ask("POST", "/v1/exports", _document())
    assert (status, refused["error"]["code"]) == (409, "INVALID_STATE")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", JSON, 400, "INVALID_METADATA"),
        (b"[1]", JSON, 400, "INVALID_METADATA"),
        (b"[" * 100_000, JSON, 400, "INVALID_METADATA"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "INVALID_METADATA"),
        (b" " * (1 << 20) + b"{}", JSON, 413, "TOO_LARGE"),
        ({"metadata": {"formt": "CSV"}}, JSON, 400, "INVALID_METADATA"),
        ({"metadata": {"format": "PDF"}}, JSON, 400, "INVALID_METADATA"),
        (_document(parameters=[1]), JSON, 400, "INVALID_METADATA"),
        (_document(parameters={"country": 1}), JSON, 400, "INVALID_METADATA"),
        (_document(parameters={"country": "x" * 70_000}), JSON, 400, "INVALID_METADATA"),
        (_document(parameters_json="{}"), JSON, 400, "INVALID_METADATA"),
        (_document(run_at="tomorrow"), JSON, 400, "INVALID_METADATA"),
        (_document(provider="orderz"), JSON, 400, "INVALID_METADATA"),
    ],
)
async def test_bad_request_is_refused_in_json(
    ask: Ask, body: object, headers: dict[str, str], status: int, code: str
) -> None:
    answered, _, document = await ask("POST", "/v1/exports", body, headers)
    assert (answered, document["error"]["code"]) == (status, code)
    assert document["error"]["message"]


@pytest.mark.parametrize("parameters", ["{", "[]", '"x"', "[" * 10_000, '{"country": 1e999}'])
async def test_parameters_that_are_no_object_are_refused(
    client: ServiceCalls, parameters: str
) -> None:
    metadata = pb.ExportMetadata(request_id="r", format=pb.CSV, filename="orders")
    request = pb.CreateExportRequest(
        metadata=metadata, provider="orders", parameters_json=parameters
    )
    with pytest.raises(RowferryError) as refused:
        await client.create(request)
    assert refused.value.code == "INVALID_METADATA"
