"""Live progress over the service's own ports: WebSocket and server-sent events."""

import http.client
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trustme
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)

from rowferry.client.dialing import tls_context
from rowferry.client.service_calls import ServiceCalls, open_calls
from rowferry.doors import Addresses
from rowferry.plain_nursery import open_plain_nursery
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.record_batches import encode_rows, row_batches

if TYPE_CHECKING:
    from tests.integration.service.conftest import OpenCall, RowCall, RunService

MakeMetadata = Callable[..., pb.ExportMetadata]
ROWS = [("1", "a"), ("2", "b")]
STRANGER = "0" * 32


class Feed:
    """A progress WebSocket as an independent client reads it."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self.connection = connection

    async def say(self, **fields: object) -> None:
        await self.connection.send_message(json.dumps(fields))

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.connection.get_message())
        return message

    async def watch(self, **wish: object) -> list[dict[str, Any]]:
        """Subscribe and give the snapshot."""
        await self.say(type="subscribe", **wish)
        while (answer := await self.hear())["type"] == "task":
            pass  # of what was watched before
        assert answer["type"] == "subscribed"
        snapshot = await self.hear()
        assert snapshot["type"] == "snapshot"
        tasks: list[dict[str, Any]] = snapshot["tasks"]
        return tasks

    async def task_until(self, status: str) -> list[dict[str, Any]]:
        """Give the states of a task as they come, up to one."""
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["status"] != status:
            message = await self.hear()
            assert message["type"] == "task", message
            seen.append(message["task"])
        return seen


OpenFeed = Callable[..., AbstractAsyncContextManager[Feed]]


@pytest.fixture
def open_feed() -> OpenFeed:
    @asynccontextmanager
    async def opened(
        addresses: Addresses, tls: ssl.SSLContext | None = None, **options: object
    ) -> AsyncIterator[Feed]:
        options = {"subprotocols": ["rowferry.progress.v1"], **options}
        host, _, port = addresses.http.rpartition(":")
        async with (
            await _connected(host, int(port), tls) as stream,
            open_plain_nursery() as nursery,
        ):
            connection = await wrap_client_stream(
                nursery,
                stream,
                addresses.http,
                "/v1/progress",
                **options,  # type: ignore[arg-type]
            )
            yield Feed(connection)
            await connection.aclose()

    return opened


async def _connected(
    host: str, port: int, tls: ssl.SSLContext | None
) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    stream = await trio.open_tcp_stream(host, port)
    if tls is None:
        return stream
    return trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)


@pytest.fixture
async def feed(open_feed: OpenFeed, addresses: Addresses) -> AsyncIterator[Feed]:
    async with open_feed(addresses) as feed:
        yield feed


async def test_task_is_told_of_from_its_beginning_to_its_end(
    feed: Feed, call: "RowCall", make_metadata: MakeMetadata
) -> None:
    assert await feed.watch(all=True) == []
    await call.send(metadata=make_metadata())
    task_id = (await call.created()).task_id
    await call.send_batch(encode_rows(ROWS, 1))
    await call.end()
    seen = await feed.task_until("COMPLETED")
    assert {task["task_id"] for task in seen} == {task_id}
    assert (seen[-1]["records_processed"], seen[-1]["progress_percent"]) == (2, 100.0)
    assert seen[-1]["oss_url"]


async def test_snapshot_has_the_task_as_it_is(
    feed: Feed, call: "RowCall", make_metadata: MakeMetadata
) -> None:
    await call.send(metadata=make_metadata(owner="ada"))
    task_id = (await call.created()).task_id
    for wish in ({"task_ids": [task_id]}, {"all": True}, {"all": True, "owner": "ada"}):
        assert [task["task_id"] for task in await feed.watch(**wish)] == [task_id]
    assert await feed.watch(all=True, owner="bob") == []
    assert await feed.watch(all=True, formats=["EXCEL"]) == []
    assert await feed.watch(all=True, states=["COMPLETED"]) == []


async def test_unknown_task_is_told_and_the_others_are_watched(
    feed: Feed, call: "RowCall", make_metadata: MakeMetadata
) -> None:
    await call.send(metadata=make_metadata())
    task_id = (await call.created()).task_id
    tasks = await feed.watch(task_ids=[STRANGER, task_id, "no id"])
    assert [task["task_id"] for task in tasks] == [task_id]
    for unknown in (STRANGER, "no id"):
        error = (await feed.hear())["error"]
        assert (error["code"], error["context"]) == ("NOT_FOUND", {"task_id": unknown})
    await call.end()
    assert (await feed.task_until("COMPLETED"))[-1]["task_id"] == task_id


async def test_what_is_unsubscribed_is_told_of_no_longer(
    feed: Feed, call: "RowCall", make_metadata: MakeMetadata
) -> None:
    await call.send(metadata=make_metadata())
    task_id = (await call.created()).task_id
    await feed.watch(all=True)
    await feed.say(type="unsubscribe", all=True)
    while (message := await feed.hear())["type"] == "task":
        pass
    assert message == {"type": "unsubscribed", "task_ids": [], "all": True}
    await call.end()
    await call.result()
    assert await feed.watch(task_ids=[task_id])  # nothing was said in between


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", '{"type":"dance"}', '{"type":"subscribe","what":1}', "\ud83d",
     '{"type":"subscribe","all":true,"states":["DONE"]}', json.dumps(
         {"type": "subscribe", "task_ids": [STRANGER] * 101})],
)  # fmt: skip
async def test_message_that_is_none_ends_the_connection(feed: Feed, text: str) -> None:
    await feed.connection.send_message(text.encode("utf-8", "replace").decode())
    assert (await feed.hear())["error"]["code"] == "INVALID_METADATA"
    with pytest.raises(ConnectionClosed) as caught:
        await feed.hear()
    assert caught.value.reason is not None
    assert caught.value.reason.code == 4400


async def test_more_tasks_than_a_watcher_may_name_are_refused(feed: Feed) -> None:
    ids = [f"{number:032x}" for number in range(100)]
    await feed.watch(task_ids=ids)
    for _ in ids:
        assert (await feed.hear())["error"]["code"] == "NOT_FOUND"
    await feed.watch(task_ids=ids[:1])  # those that are not there don't count


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"subprotocols": []}, 400),
        ({"extra_headers": [(b"origin", b"https://evil.example")]}, 403),
    ],
)
async def test_handshake_is_refused_with_a_status(
    open_feed: OpenFeed, addresses: Addresses, options: dict[str, Any], status: int
) -> None:
    with pytest.raises(ConnectionRejected) as caught:
        async with open_feed(addresses, **options):
            pass
    assert caught.value.status_code == status
    assert b'"error"' in (caught.value.body or b"")


async def test_too_many_watchers_are_refused(
    run_service: "RunService", configure: Callable[..., Any], open_feed: OpenFeed
) -> None:
    config = configure(progress={"max_watchers_per_client": 1})
    async with run_service(config) as addresses, open_feed(addresses) as first:
        await first.watch(all=True)
        async with open_feed(addresses) as second:
            assert (await second.hear())["error"]["code"] == "RATE_LIMITED"
            with pytest.raises(ConnectionClosed) as caught:
                await second.hear()
            assert caught.value.reason is not None
            assert caught.value.reason.code == 4429
        assert (await _ask(addresses, f"/v1/exports/{STRANGER}/events"))[0] == 429


async def test_service_that_stops_closes_with_1012(
    run_service: "RunService", configure: Callable[..., Any], open_feed: OpenFeed
) -> None:
    reasons: list[Any] = []

    async def listen(addresses: Addresses, started: trio.Event) -> None:
        async with open_feed(addresses) as feed:
            await feed.watch(all=True)
            started.set()
            assert (await feed.hear())["error"]["code"] == "SHUTTING_DOWN"
            with pytest.raises(ConnectionClosed) as caught:
                await feed.hear()
            reasons.append(caught.value.reason)

    started = trio.Event()
    async with trio.open_nursery() as nursery, run_service(configure()) as addresses:
        nursery.start_soon(listen, addresses, started)
        await started.wait()
    assert [reason.code for reason in reasons] == [1012]


async def test_progress_is_told_over_tls_too(
    run_service: "RunService",
    configure: Callable[..., Any],
    open_feed: OpenFeed,
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    context = tls_context()
    authority.configure_trust(context)
    security = {"tls_certificate": str(certificate), "tls_key": str(key)}
    async with run_service(configure(security=security)) as addresses:
        host, _, port = addresses.grpc.rpartition(":")
        async with (
            open_calls(host, int(port), tls=context) as client,
            open_feed(addresses, tls=context) as feed,
        ):
            assert await feed.watch(all=True) == []
            result = await export_batches(client, make_metadata(), row_batches(ROWS))
            seen = await feed.task_until("COMPLETED")
            assert seen[-1]["task_id"] == result.task_id


# Server-sent events.


async def test_events_tell_of_a_task_to_its_end(
    client: ServiceCalls, addresses: Addresses, make_metadata: MakeMetadata
) -> None:
    result = await export_batches(client, make_metadata(), row_batches(ROWS))
    status, headers, body = await _ask(addresses, f"/v1/exports/{result.task_id}/events")
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    beginning, event, end = body.decode().split("\n\n")
    name, event_id, data = event.split("\n")
    assert (beginning, name, end) == ("retry: 2000", "event: task", "")
    assert json.loads(data.removeprefix("data: "))["status"] == "COMPLETED"
    last = {"Last-Event-ID": event_id.removeprefix("id: ")}
    assert (await _ask(addresses, f"/v1/exports/{result.task_id}/events", last))[0] == 204


async def test_events_of_a_running_task_come_as_it_goes_on(
    open_call: "OpenCall", addresses: Addresses, make_metadata: MakeMetadata
) -> None:
    async with open_call(addresses) as call:
        await call.send(metadata=make_metadata())
        task_id = (await call.created()).task_id
        answers: list[tuple[int, dict[str, str], bytes]] = []

        async def listen() -> None:
            answers.append(await _ask(addresses, f"/v1/exports/{task_id}/events"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await call.send_batch(encode_rows(ROWS, 1))
            await call.end()
            await call.result()
    ((status, _, body),) = answers
    assert status == 200
    states = [
        json.loads(line.removeprefix("data: "))["status"]
        for line in body.decode().split("\n")
        if line.startswith("data: ")
    ]
    assert states[-1] == "COMPLETED"


async def test_events_of_an_unknown_task_are_not_found(addresses: Addresses) -> None:
    status, _, body = await _ask(addresses, f"/v1/exports/{STRANGER}/events")
    assert (status, json.loads(body)["error"]["code"]) == (404, "NOT_FOUND")


async def _ask(
    addresses: Addresses, path: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    def blocking() -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(addresses.http, timeout=20)
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        body = answer.read()
        connection.close()
        return answer.status, fields, body

    return await trio.to_thread.run_sync(blocking, limiter=trio.CapacityLimiter(1))
