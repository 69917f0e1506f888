"""Connections that are served: their messages, their guards, and how they end."""

from collections.abc import Mapping

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from rowferry.wire.grpc_failure import MessageTooLargeError, ServerStoppingError
from rowferry.wire.websocket_connection import ServedConnection
from rowferry.wire.websocket_inbox import Message, PeerLeftError
from rowferry.wire.websocket_limits import WebSocketLimits
from rowferry.wire.websocket_server import Farewell
from rowferry.wire.websocket_stream import LINGER_SECONDS, PeerStream
from tests.unit.wire.websocket.conftest import MakeServer, echo
from tests.unit.wire.websocket.raw_peer import BINARY, frame, frame_head

CONTINUATION = 0


async def test_messages_come_back_whatever_their_fragments(make_server: MakeServer) -> None:
    peer = await make_server(echo).connect().open()
    await peer.send(TextMessage(data="grüße"))
    assert await peer.text() == "grüße"
    await peer.send(BytesMessage(data=b"one ", message_finished=False))
    await peer.send(Ping(payload=b"meanwhile"))
    await peer.send(BytesMessage(data=b"message"))
    assert isinstance(await peer.receive(), Pong)
    assert (await peer.expect(BytesMessage)).data == b"one message"


async def test_an_error_in_a_handler_ends_its_own_connection_only(
    make_server: MakeServer,
) -> None:
    async def fragile(connection: ServedConnection) -> None:
        if await connection.inbox.take() == "break":
            raise ZeroDivisionError
        await connection.send_text("fine")

    server = make_server(fragile)
    first, second = await server.connect().open(), await server.connect().open()
    await first.send(TextMessage(data="break"))
    assert (await first.closed()).code == 1011
    await second.send(TextMessage(data="go on"))
    assert await second.text() == "fine"
    assert (await second.closed()).code == 1000


async def test_a_known_failure_says_a_last_word(make_server: MakeServer) -> None:
    def translate(error: Exception, notes: Mapping[str, object]) -> Farewell:
        assert isinstance(error, ValueError)
        return Farewell(code=4400, reason="ü" * 200, text=f"{error} after {notes['rows']}")

    async def refuse(connection: ServedConnection) -> None:
        connection.notes["rows"] = 3
        raise ValueError("no")

    peer = await make_server(refuse, translate=translate).connect().open()
    assert await peer.text() == "no after 3"
    goodbye = await peer.closed()
    assert (goodbye.code, goodbye.reason) == (4400, "ü" * 61)  # what a close frame can hold


async def test_a_message_over_the_limit_is_told_after_those_before_it(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    taken: list[Message] = []
    refused: list[MessageTooLargeError] = []

    async def collect(connection: ServedConnection) -> None:
        try:
            while True:
                taken.append(await connection.inbox.take())
        except MessageTooLargeError as error:
            refused.append(error)

    server = make_server(collect, max_message_bytes=1000)
    peer = await server.connect().open()
    await peer.send_bytes(frame(b"first") + frame_head(10**15) + bytes(5000))
    assert (await peer.expect(CloseConnection)).code == 1000
    assert taken == [b"first"]
    assert refused[0].limit_bytes == 1000


async def test_the_socket_is_not_read_beyond_the_window(make_server: MakeServer) -> None:
    taking = trio.Event()
    connections: list[ServedConnection] = []

    async def slow(connection: ServedConnection) -> None:
        connections.append(connection)
        await taking.wait()
        await echo(connection)

    server = make_server(slow, window_bytes=10_000, receive_bytes=1000)
    peer = await server.connect().open()
    for number in range(50):
        await peer.send_bytes(frame(bytes([number]) * 1000))
    await wait_all_tasks_blocked()
    assert connections[0].inbox.blocks_reader
    taking.set()
    for number in range(50):
        assert (await peer.expect(BytesMessage)).data == bytes([number]) * 1000


async def test_pings_beyond_measure_end_the_connection(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    server = make_server(echo, max_control_frames_per_second=20)
    peer = await server.connect().open()
    await peer.send_bytes(100 * frame(b"", opcode=9))
    assert (await peer.closed()).code == 1008


async def test_fragments_without_content_count_as_a_flood(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    server = make_server(echo, max_control_frames_per_second=20)
    peer = await server.connect().open()
    begin = frame(b"", opcode=BINARY, final=False)
    await peer.send_bytes(begin + 100 * frame(b"", opcode=CONTINUATION, final=False))
    assert (await peer.closed()).code == 1008


async def test_a_broken_frame_ends_the_connection(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    server = make_server(echo)
    peer = await server.connect().open()
    await peer.send_bytes(b"\xf3\x80\x00\x00\x00\x00")
    assert (await peer.closed()).code == 1002


async def test_frames_behind_a_goodbye_do_no_harm(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    async def leave(connection: ServedConnection) -> None:
        await connection.inbox.take()

    server = make_server(leave)
    peer = await server.connect().open()
    await peer.send(TextMessage(data="leave"))
    assert (await peer.expect(CloseConnection)).code == 1000
    await peer.send_bytes(3 * frame(b"", opcode=9) + frame(b"late"))
    await server.ended.wait()
    assert trio.current_time() < 10


async def test_a_silent_peer_is_asked_and_then_lost(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    server = make_server(echo, ping_seconds=30.0, ping_timeout_seconds=20.0)
    peer = await server.connect().open()
    ping = await peer.expect(Ping)
    assert trio.current_time() == pytest.approx(30)
    await peer.send(ping.response())
    await trio.sleep(45)
    assert server.over == 0
    await trio.sleep(10)
    assert server.over == 1


async def test_a_peer_that_is_not_read_is_not_lost(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    async def busy(connection: ServedConnection) -> None:
        await trio.sleep_forever()

    server = make_server(busy, window_bytes=100)
    peer = await server.connect().open()
    await peer.send_bytes(frame(bytes(1000)))
    await trio.sleep(500)
    assert server.over == 0


async def test_a_peer_that_reads_nothing_is_given_up(autojump_clock: MockClock) -> None:
    ours, _theirs = trio.testing.lockstep_stream_pair()
    stream = PeerStream(ours, WebSocketLimits(write_timeout_seconds=30.0))
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"never read")
    assert trio.current_time() == pytest.approx(30)


async def test_closing_waits_for_the_frame_that_is_under_way() -> None:
    ours, theirs = (trio.SocketStream(end) for end in trio.socket.socketpair())
    stream = PeerStream(ours, WebSocketLimits())
    payload = bytes(10**7)  # more than the kernel holds
    received = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, payload)
        await wait_all_tasks_blocked()
        nursery.start_soon(stream.aclose)
        await wait_all_tasks_blocked()
        async for block in theirs:
            received += block
        await theirs.aclose()
    assert received == payload


async def test_closing_waits_no_longer_for_a_peer_that_reads_nothing(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = (trio.SocketStream(end) for end in trio.socket.socketpair())
    stream = PeerStream(ours, WebSocketLimits())
    with trio.fail_after(LINGER_SECONDS + 0.1), pytest.RaisesGroup(trio.ClosedResourceError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, bytes(10**7))
            await wait_all_tasks_blocked()
            await stream.aclose()
    theirs.socket.close()


async def test_nothing_can_be_said_to_a_peer_whose_frames_broke(make_server: MakeServer) -> None:
    ended_by: list[Exception] = []

    async def talk(connection: ServedConnection) -> None:
        try:
            while True:  # so that something is said while the closing frame is on its way
                await connection.send_text("more")
        except PeerLeftError as error:
            ended_by.append(error)

    server = make_server(talk)
    peer = await server.connect().open()
    await peer.send_bytes(frame(b"", opcode=7))  # reserved
    assert (await peer.closed()).code == 1002
    await server.ended.wait()
    assert len(ended_by) == 1


async def test_what_a_peer_sent_before_it_left_is_taken(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    taken: list[Message] = []

    async def collect(connection: ServedConnection) -> None:
        while True:
            await trio.sleep(0.5)
            taken.append(await connection.inbox.take())

    server = make_server(collect)
    peer = await server.connect().open()
    for number in range(5):
        await peer.send_bytes(frame(bytes([number])))
    await peer.send(CloseConnection(code=1000))
    await server.ended.wait()
    assert taken == [bytes([number]) for number in range(5)]


async def test_a_handler_that_waits_for_something_else_ends_with_its_peer(
    make_server: MakeServer,
) -> None:
    async def wait(connection: ServedConnection) -> None:
        await trio.sleep_forever()

    server = make_server(wait)
    peer = await server.connect().open()
    await peer.stream.aclose()
    await server.ended.wait()


async def test_a_stop_ends_idle_connections_at_once_and_gives_others_their_grace(
    make_server: MakeServer, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    def translate(error: Exception, notes: Mapping[str, object]) -> Farewell:
        assert isinstance(error, ServerStoppingError)
        return Farewell(code=1012, text=f"kept {notes.get('rows', 'nothing')}")

    async def work(connection: ServedConnection) -> None:
        while await connection.inbox.take() == "work":
            connection.at_work = True
            connection.notes["rows"] = 7

    server = make_server(work, translate=translate, ping_seconds=1000.0)
    idle, done, busy = [await server.connect().open() for _ in range(3)]
    for peer in (done, busy):
        await peer.send(TextMessage(data="work"))
    await wait_all_tasks_blocked()
    nursery.start_soon(server.server.stop, 60.0)
    assert await idle.text() == "kept nothing"
    assert (await idle.closed()).code == 1012
    await done.send(TextMessage(data="done"))
    assert (await done.closed()).code == 1000
    assert trio.current_time() < 5
    assert await busy.text() == "kept 7"
    assert (await busy.closed()).code == 1012
    assert trio.current_time() == pytest.approx(60, abs=5)
    nursery.cancel_scope.cancel()  # nothing listens here, so stop() waits for ever


async def test_several_tasks_may_send_and_wait_to_send(make_server: MakeServer) -> None:
    async def chatter(connection: ServedConnection) -> None:
        async def say(text: str) -> None:
            for _ in range(20):
                await connection.wait_writable()
                await connection.send_text(text)

        async with trio.open_nursery() as nursery:
            for text in "abc":
                nursery.start_soon(say, text)

    peer = await make_server(chatter).connect().open()
    assert sorted([await peer.text() for _ in range(60)]) == sorted("abc" * 20)
    assert (await peer.closed()).code == 1000
