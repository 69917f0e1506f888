"""The end of a connection: nothing acknowledged is lost, nothing new begins."""

from typing import TYPE_CHECKING

import trio
from grpclib.const import Status
from h2.errors import ErrorCodes
from h2.events import ResponseReceived
from hyperframe.frame import GoAwayFrame
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from rowferry.wire.grpc_stream import CallStream

if TYPE_CHECKING:
    from tests.unit.wire.grpc.conftest import Connect, RawClient

LARGEST_STREAM_ID = 2**31 - 1


async def echo(stream: CallStream) -> None:
    async for message in stream:
        await stream.send_message(message)


async def goodbyes(client: "RawClient", count: int) -> list[int]:
    """Read until so many GOAWAYs have come; return the last streams they name."""
    while len(client.goodbyes) < count:
        await client.flush()
        assert await client.receive()
    await client.flush()
    return [frame.last_stream_id for frame in client.goodbyes]


async def read_to_end(client: "RawClient") -> None:
    while await client.receive():
        await client.flush()
    await client.stream.aclose()


async def test_calls_in_flight_get_all_their_messages_and_then_the_connection_closes(
    connect: "Connect",
) -> None:
    server, client = await connect(echo)
    stream_id = await client.call(b"\0\0\0\0\1a", end=False)
    await client.next_event(ResponseReceived)
    server.stop_accepting()
    assert await goodbyes(client, 2) == [LARGEST_STREAM_ID, stream_id]
    await client.send(stream_id, b"\0\0\0\0\1b", end=True)
    reply = await client.reply(stream_id)
    assert (reply.messages[-1], reply.status) == (b"b", 0)
    await read_to_end(client)


async def test_a_request_on_its_way_during_the_first_goodbye_is_served(
    connect: "Connect",
) -> None:
    server, client = await connect(echo)
    first = await client.call(b"", end=False)
    server.stop_accepting()
    await wait_all_tasks_blocked()
    late = await client.call(b"\0\0\0\0\1m")
    assert (await client.reply(late)).messages == [b"m"]
    assert await goodbyes(client, 2) == [LARGEST_STREAM_ID, late]
    await client.send(first, b"", end=True)
    assert (await client.reply(first)).status == 0
    await read_to_end(client)


async def test_a_request_after_the_second_goodbye_is_refused(connect: "Connect") -> None:
    server, client = await connect(echo)
    first = await client.call(b"", end=False)
    server.stop_accepting()
    await goodbyes(client, 2)
    late = await client.call(b"")
    assert (await client.reply(late)).reset_code == ErrorCodes.REFUSED_STREAM
    await client.send(first, b"", end=True)
    assert (await client.reply(first)).status == 0
    await read_to_end(client)


async def test_a_client_that_answers_no_ping_cannot_hold_the_drain(
    connect: "Connect", autojump_clock: object
) -> None:
    server, client = await connect(echo)
    await wait_all_tasks_blocked()
    started = trio.current_time()
    server.stop_accepting()
    while await client.stream.receive_some():
        pass
    assert trio.current_time() - started < 3


async def test_draining_twice_says_goodbye_once(connect: "Connect") -> None:
    server, client = await connect(echo)
    await wait_all_tasks_blocked()
    server.stop_accepting()
    server.stop_accepting()
    assert await goodbyes(client, 2) == [LARGEST_STREAM_ID, 0]
    await read_to_end(client)
    assert len(client.goodbyes) == 2


async def test_a_connection_that_comes_after_the_end_is_sent_away(
    connect: "Connect", nursery: trio.Nursery
) -> None:
    server, first = await connect(echo)
    server.stop_accepting()
    client_end, server_end = memory_stream_pair()
    nursery.start_soon(server.serve_stream, server_end)
    late = type(first)(client_end)
    await late.greet()
    assert await goodbyes(late, 2) == [LARGEST_STREAM_ID, 0]
    await read_to_end(late)
    await read_to_end(first)


async def test_no_call_begins_once_the_calls_were_ended(connect: "Connect") -> None:
    server, client = await connect(echo)
    first = await client.call(b"", end=False)
    await wait_all_tasks_blocked()
    server.end_calls()
    late = await client.call(b"")
    assert (await client.reply(first)).status == Status.UNAVAILABLE.value
    assert (await client.reply(late)).reset_code == ErrorCodes.REFUSED_STREAM
    await read_to_end(client)


async def test_a_client_that_says_goodbye_still_gets_its_answers(connect: "Connect") -> None:
    _, client = await connect(echo)
    stream_id = await client.call(b"\0\0\0\0\1a", end=False)
    await client.send_frames([GoAwayFrame(0, last_stream_id=0, error_code=0)])
    await client.send(stream_id, b"\0\0\0\0\1b", end=True)
    reply = await client.reply(stream_id)
    assert (reply.messages, reply.status) == ([b"a", b"b"], 0)
    await read_to_end(client)


async def test_a_client_that_said_goodbye_opens_no_more_streams(connect: "Connect") -> None:
    _, client = await connect(echo)
    first = await client.call(b"", end=False)
    await client.send_frames([GoAwayFrame(0, last_stream_id=0, error_code=0)])
    late = await client.call(b"")
    assert (await client.reply(late)).reset_code == ErrorCodes.REFUSED_STREAM
    await client.send(first, b"", end=True)
    assert (await client.reply(first)).status == 0
    await read_to_end(client)
