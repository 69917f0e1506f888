"""The WebSocket door over in-memory adapters: control frames, batches, credit, how it ends."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, TextMessage

from rowferry.domain.access import Caller, Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import StreamError, ValidationError
from rowferry.ingest.standing_admission import RECHECK_SECONDS
from rowferry.ingest.websocket_door import WebSocketDoor, farewell
from rowferry.ingest.websocket_messages import SUBPROTOCOL
from rowferry.ingest.websocket_rows import HEARTBEAT_SECONDS
from rowferry.ports import Doorkeeper
from rowferry.wire.websocket_handshake import HandshakeRules
from rowferry.wire.websocket_server import WebSocketServer
from tests.record_batches import Row, encode_rows
from tests.unit.export.in_memory import EventNotes, Site
from tests.unit.wire.websocket.raw_peer import RawPeer, frame_head

COLUMNS = [{"name": "id", "data_type": "NUMBER"}, {"name": "name"}]
METADATA = {"request_id": "request", "format": "CSV", "filename": "orders", "columns": COLUMNS}
ROW = ("1", "a")


class OneToken:
    """A doorkeeper that knows one token, and one certificate."""

    def __init__(self) -> None:
        self.asked: list[Credentials] = []
        self.right = "right"

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        return self.admit(door, credentials)

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        assert door is Door.WEBSOCKET
        self.asked.append(credentials)
        if credentials.token != self.right:
            raise RowferryError(ErrorCode.UNAUTHENTICATED, "Who are you?")
        return Caller(client="shop", identity="token:1")


class Client:
    """One connection, frame by frame."""

    def __init__(self, peer: RawPeer) -> None:
        self._peer = peer

    async def open(
        self, *subprotocols: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        offered = (SUBPROTOCOL, *subprotocols)
        answer = await self._peer.shake_hands(subprotocols=offered, headers=headers)
        assert isinstance(answer, AcceptConnection)
        assert answer.subprotocol == SUBPROTOCOL

    async def send(self, kind: str, **fields: object) -> None:
        await self.send_text(json.dumps({"type": kind, **fields}))

    async def send_text(self, text: str) -> None:
        await self._peer.send(TextMessage(data=text))

    async def send_rows(self, *rows: Row, sequence: int = 0) -> int:
        batch = encode_rows(rows, sequence)
        await self._peer.send(BytesMessage(data=batch))
        return len(batch)

    async def send_bytes(self, data: bytes) -> None:
        await self._peer.send(BytesMessage(data=data))

    async def send_frame(self, data: bytes) -> None:
        """Send a frame, or a part of one, as it is."""
        await self._peer.send_bytes(data)

    async def receive(self, kind: str) -> dict[str, Any]:
        """Give the next frame, which is of a kind; acks and credits may come before others."""
        while True:
            frame: dict[str, Any] = json.loads(await self._peer.text())
            if frame["type"] == kind:
                return frame
            assert frame["type"] in {"ack", "credit"}, frame

    async def refusal(self) -> tuple[str, int]:
        """Give the code of the error that ends the connection, and how it is closed."""
        frame = await self.receive("error")
        return frame["error"]["code"], (await self.closed()).code

    async def closed(self) -> CloseConnection:
        return await self._peer.closed()

    async def leave(self) -> None:
        await self._peer.send(CloseConnection(code=1000))
        await self._peer.stream.aclose()


Connect = Callable[..., Client]


@asynccontextmanager
async def _door(
    site: Site, doorkeeper: Doorkeeper
) -> AsyncIterator[tuple[Connect, WebSocketServer]]:
    server = WebSocketServer(
        WebSocketDoor(site.exports.row_calls, doorkeeper),
        rules=HandshakeRules(subprotocol=SUBPROTOCOL),
        translate=farewell,
    )
    async with trio.open_nursery() as nursery:

        def connect() -> Client:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(server.serve_stream, ours)
            return Client(RawPeer(theirs))

        yield connect, server
        nursery.cancel_scope.cancel()


@pytest.fixture
async def connect(site: Site) -> AsyncIterator[Connect]:
    async with _door(site, site.adapters.doorkeeper) as (connect, _):
        yield connect


async def _begun(connect: Connect, **metadata: object) -> tuple[Client, dict[str, Any]]:
    client = connect()
    await client.open()
    await client.send("metadata", metadata=METADATA | metadata)
    return client, await client.receive("task_created")


# Rows.


async def test_a_connection_gets_its_task_its_acks_and_its_result(
    site: Site, connect: Connect
) -> None:
    async with site.running():
        client, created = await _begun(connect)
        assert (created["next_sequence"], created["status"]) == (1, "QUEUED")
        assert created["max_message_bytes"] == 16 << 20
        size = await client.send_rows(ROW, ROW)
        ack = await client.receive("ack")
        assert (ack["batch_sequence"], ack["rows"]) == (1, 2)
        assert ack["credit_bytes"] == created["credit_bytes"] + size
        await client.send_rows(ROW)
        await client.send("finish", expected_rows=3)
        result = await client.receive("result")
        assert (result["status"], result["record_count"]) == ("COMPLETED", 3)
        assert result["task_id"] == created["task_id"]
        assert result["oss_url"]
        assert (await client.closed()).code == 1000


async def test_a_connection_that_broke_goes_on_where_the_rows_are(
    site: Site, connect: Connect, events: EventNotes
) -> None:
    async with site.running():
        client, created = await _begun(connect)
        await client.send_rows(ROW, sequence=1)
        await client.receive("ack")
        await client.leave()
        await events.wait_for(StreamError)
        again = connect()
        await again.open()
        await again.send("resume", task_id=created["task_id"])
        resumed = await again.receive("task_created")
        assert (resumed["next_sequence"], resumed["rows_received"]) == (2, 1)
        await again.send_rows(ROW, sequence=2)
        await again.send("finish")
        assert (await again.receive("result"))["record_count"] == 2


async def test_the_same_metadata_again_is_the_same_task(site: Site, connect: Connect) -> None:
    async with site.running():
        _, created = await _begun(connect)
        _, again = await _begun(connect)
        assert again["task_id"] == created["task_id"]


# Refusals.


@pytest.mark.parametrize(
    ("text", "code", "close"),
    [
        ("{", "INVALID_METADATA", 4400),
        ("[]", "INVALID_METADATA", 4400),
        ('{"type": "dance"}', "INVALID_METADATA", 4400),
        ('{"type": ["metadata"]}', "INVALID_METADATA", 4400),
        ('{"type": "finish"}', "INVALID_METADATA", 4400),
        ('{"type": "metadata"}', "INVALID_METADATA", 4400),
        ('{"type": "metadata", "metadata": 7}', "INVALID_METADATA", 4400),
        ('{"type": "metadata", "metadata": {"formt": "CSV"}}', "INVALID_METADATA", 4400),
        ('{"type": "resume", "task_id": "unknown"}', "NOT_FOUND", 4404),
        ('{"type": "auth", "token": 7}', "INVALID_METADATA", 4400),
        ("[" * 100_000, "INVALID_METADATA", 4400),
    ],
)
async def test_a_first_frame_that_begins_nothing_is_refused(
    connect: Connect, text: str, code: str, close: int
) -> None:
    client = connect()
    await client.open()
    await client.send_text(text)
    assert await client.refusal() == (code, close)


async def test_a_batch_before_the_task_is_refused(connect: Connect) -> None:
    client = connect()
    await client.open()
    await client.send_rows(ROW)
    assert await client.refusal() == ("INVALID_METADATA", 4400)


async def test_a_large_batch_before_the_task_is_refused_before_it_is_held(
    connect: Connect, mock_clock: MockClock
) -> None:
    client = connect()
    await client.open()
    await client.send_frame(frame_head(16 << 20) + bytes(2 << 20))
    refusal = await client.receive("error")
    assert refusal["error"]["code"] == "INVALID_METADATA"
    assert mock_clock.current_time() == 0


async def test_broken_rows_and_gaps_are_refused_and_reported(
    site: Site, connect: Connect, events: EventNotes
) -> None:
    client, _ = await _begun(connect)
    await client.send_bytes(b"\xff\xff\xff")
    assert await client.refusal() == ("INVALID_ROW", 4400)
    client, _ = await _begun(connect)
    await client.send_rows(ROW, sequence=7)
    assert await client.refusal() == ("SEQUENCE_GAP", 4409)
    assert [e.error_code for e in events.of(ValidationError)] == ["INVALID_ROW", "SEQUENCE_GAP"]


async def test_more_than_the_credit_is_refused(
    make_site: Callable[..., Site], events: EventNotes
) -> None:
    site = make_site(server={"max_message_bytes": 64 << 10}, spool={"max_lag_bytes": 1 << 20})
    async with _door(site, site.adapters.doorkeeper) as (connect, _):
        client, created = await _begun(connect)
        assert created["credit_bytes"] == 64 << 10
        cell = "x" * 40_000
        sent = await client.send_rows(("1", cell), sequence=1)
        assert (await client.receive("ack"))["credit_bytes"] == (64 << 10) + sent
        await client.send_bytes(bytes(64 << 10 | 1))
        assert await client.refusal() == ("INVALID_METADATA", 4400)


async def test_a_client_that_sends_no_rows_is_told_so_in_time(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.open()
    assert await client.refusal() == ("STREAM_IDLE", 4408)
    assert trio.current_time() < 15


async def test_a_silent_connection_has_heartbeats(connect: Connect, mock_clock: MockClock) -> None:
    client, _ = await _begun(connect)
    for _beat in range(3):
        await wait_all_tasks_blocked()
        mock_clock.jump(HEARTBEAT_SECONDS)
        assert await client.receive("heartbeat") == {"type": "heartbeat"}


# Who calls.


@pytest.mark.parametrize("way", ["header", "subprotocol", "first frame"])
async def test_a_token_is_shown_in_one_of_three_ways(site: Site, way: str) -> None:
    doorkeeper = OneToken()
    async with _door(site, doorkeeper) as (connect, _):
        client = connect()
        if way == "header":
            await client.open(headers=((b"Authorization", b"Bearer right"),))
        elif way == "subprotocol":
            await client.open("rowferry.token.right")
        else:
            await client.open()
            await client.send("auth", token="right")  # noqa: S106
        await client.send("metadata", metadata=METADATA)
        await client.receive("task_created")
        assert len(doorkeeper.asked) == 1
    (live,) = site.live_tasks
    assert live.task.client == "shop"


@pytest.mark.parametrize("told", ["right", "wrong"])
async def test_a_token_in_a_frame_counts_behind_what_the_handshake_shows(
    site: Site, told: str
) -> None:
    async with _door(site, OneToken()) as (connect, _):
        client = connect()
        await client.open("rowferry.token.right")
        await client.send("auth", token=told)
        if told == "wrong":
            assert await client.refusal() == ("UNAUTHENTICATED", 4401)
        else:
            await client.send("metadata", metadata=METADATA)
            await client.receive("task_created")


@pytest.mark.parametrize("way", ["subprotocol", "first frame"])
async def test_a_connection_ends_once_its_token_is_good_no_more(
    site: Site, way: str, mock_clock: MockClock
) -> None:
    doorkeeper = OneToken()
    async with _door(site, doorkeeper) as (connect, _):
        client = connect()
        await client.open(*(["rowferry.token.right"] if way == "subprotocol" else []))
        if way == "first frame":
            await client.send("auth", token="right")  # noqa: S106
        await client.send("metadata", metadata=METADATA)
        await client.receive("task_created")
        await client.send_rows(("1", "a"), sequence=1)
        await client.receive("ack")
        doorkeeper.right = "new"
        mock_clock.jump(RECHECK_SECONDS)
        assert await client.refusal() == ("UNAUTHENTICATED", 4401)
        (live,) = site.live_tasks
        again = connect()
        await again.open("rowferry.token.new")
        await again.send("resume", task_id=live.task.id)
        assert (await again.receive("task_created"))["next_sequence"] == 2


async def test_wrong_and_missing_tokens_are_refused(site: Site) -> None:
    async with _door(site, OneToken()) as (connect, _):
        wrong = connect()
        await wrong.open("rowferry.token.wrong")
        assert await wrong.refusal() == ("UNAUTHENTICATED", 4401)
        told = connect()
        await told.open()
        await told.send("auth", token="wrong")  # noqa: S106
        assert await told.refusal() == ("UNAUTHENTICATED", 4401)
        missing = connect()
        await missing.open()
        await missing.send("metadata", metadata=METADATA)
        assert await missing.refusal() == ("UNAUTHENTICATED", 4401)


# The end of the service.


async def test_a_stop_tells_what_was_acknowledged(site: Site) -> None:
    async with _door(site, site.adapters.doorkeeper) as (connect, server):
        client, created = await _begun(connect)
        await client.send_rows(ROW, ROW, sequence=1)
        await client.receive("ack")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.stop, 0.0)
            frame = await client.receive("error")
            assert frame["error"]["code"] == "SHUTTING_DOWN"
            assert frame["error"]["context"] == {
                "task_id": created["task_id"],
                "next_sequence": "2",
                "rows_received": "2",
            }
            assert (await client.closed()).code == 1012
            nursery.cancel_scope.cancel()
