"""Task states over HTTP, on a real socket and through the framework's own test client."""

# ruff: noqa: ANN401  tests can't import the types of conftest.py

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from rowferry.domain.access import Caller
from rowferry.domain.events import SystemError  # noqa: A004  the event
from rowferry.domain.spec import Format
from rowferry.domain.task import TaskState
from rowferry.ports import TaskQuery
from rowferry.status.http_api import status_api

TASK_ID = "0190a0b0c0d07000800000000000000f"


async def test_task_is_given_as_json(port: Any) -> None:
    reply = await port.ask(f"/v1/exports/{TASK_ID}")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    document = msgspec.json.decode(reply.body)
    assert document["task_id"] == TASK_ID
    assert document["status"] == "COMPLETED"
    assert document["link_expires"] == "2026-05-08T12:00:00Z"


async def test_list_passes_filters_on_and_gives_the_next_page(port: Any) -> None:
    reply = await port.ask("/v1/exports?state=COMPLETED&format=CSV&page_size=3&owner=a%20b")
    document = msgspec.json.decode(reply.body)
    assert [task["task_id"] for task in document["tasks"]] == [TASK_ID]
    assert document["next_page_token"] == "next"  # noqa: S105  no secret
    assert port.tasks.asked == [
        TaskQuery(
            states=frozenset({TaskState.COMPLETED}),
            formats=frozenset({Format.CSV}),
            page_size=3,
            owner="a b",
        )
    ]


async def test_other_clients_tasks_are_not_there(port: Any) -> None:
    other = replace(port.tasks.tasks["default", TASK_ID], id="f" * 32, client="other")
    port.tasks.put(other)
    assert (await port.ask(f"/v1/exports/{other.id}")).status == 404
    document = msgspec.json.decode((await port.ask("/v1/exports")).body)
    assert [task["task_id"] for task in document["tasks"]] == [TASK_ID]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/exports/unknown", 404, "NOT_FOUND"),
        ("GET", "/v1/exports//rows", 404, "NOT_FOUND"),
        ("GET", "/v1/exports?states=NOPE", 400, "INVALID_METADATA"),
        ("GET", "/v1/exports?nope=1", 400, "INVALID_METADATA"),
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/v1/exports/", 404, "NOT_FOUND"),
        ("GET", "/v1/exports/a/b", 404, "NOT_FOUND"),
        ("GET", "/static/x", 404, "NOT_FOUND"),
        ("GET", "/dx", 404, "NOT_FOUND"),
        ("POST", "/v1/exports", 405, "INVALID_METADATA"),
        ("PUT", f"/v1/exports/{TASK_ID}", 405, "INVALID_METADATA"),
    ],
)
async def test_every_refusal_is_json_with_a_code(
    port: Any, method: str, path: str, status: int, code: str
) -> None:
    reply = await port.ask(path, method=method)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    error = msgspec.json.decode(reply.body)["error"]
    assert set(error) == {"code", "message", "context"}
    assert error["code"] == code
    assert error["message"].endswith(".")


async def test_wrong_method_is_told_the_right_ones(port: Any) -> None:
    reply = await port.ask("/v1/exports", method="POST")
    assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


async def test_failure_is_internal_without_details_and_reported(port: Any) -> None:
    port.tasks.broken = True
    reply = await port.ask(f"/v1/exports/{TASK_ID}")
    assert reply.status == 500
    assert msgspec.json.decode(reply.body)["error"]["code"] == "INTERNAL"
    assert b"secret detail" not in reply.body
    assert b"Traceback" not in reply.body
    (event,) = port.observer.events
    assert isinstance(event, SystemError)
    assert isinstance(event.error, RuntimeError)


async def test_api_answers_the_frameworks_test_client(port: Any) -> None:
    client = status_api(port.tasks, port.tasks, port.observer).test_client()
    admitted = {"rowferry.caller": Caller(client="default")}
    reply = await client.get(f"/v1/exports/{TASK_ID}", scope_base=admitted)
    assert reply.status_code == 200
    assert (await reply.get_json())["task_id"] == TASK_ID
    assert (await client.get("/v1/exports/unknown", scope_base=admitted)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "done"),
    [
        ("POST", "/cancel", b'{"reason": "enough"}', ("cancel", "default", TASK_ID, "enough")),
        ("POST", "/cancel", None, ("cancel", "default", TASK_ID, "")),
        ("POST", "/retry", None, ("retry", "default", TASK_ID)),
        ("DELETE", "", None, ("delete", "default", TASK_ID)),
    ],
)
async def test_task_is_acted_on_and_given(
    port: Any, method: str, path: str, body: bytes | None, done: tuple[str, ...]
) -> None:
    reply = await port.ask(f"/v1/exports/{TASK_ID}{path}", method=method, body=body)
    assert reply.status == 200
    assert msgspec.json.decode(reply.body)["task_id"] == TASK_ID
    assert port.tasks.done == [done]


@pytest.mark.parametrize("body", [b"enough", b'{"why": "enough"}', b'{"reason": 1}', b"[]"])
async def test_cancellation_with_another_body_is_refused(port: Any, body: bytes) -> None:
    reply = await port.ask(f"/v1/exports/{TASK_ID}/cancel", method="POST", body=body)
    assert reply.status == 400
    assert msgspec.json.decode(reply.body)["error"]["code"] == "INVALID_METADATA"
    assert not port.tasks.done
