"""Peers that break the protocol or ask too much (RFC 9113 §10.5), frame by frame."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import hpack
import pytest
import trio
from h2.errors import ErrorCodes
from h2.events import PingAckReceived, ResponseReceived
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_server import GrpcServer
from rowferry.wire.grpc_stream import CallStream

if TYPE_CHECKING:
    from tests.unit.wire.grpc.conftest import Connect

HEADERS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/test.Service/Call"),
    (":authority", "test"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
]


async def wait_forever(_stream: CallStream) -> None:
    await trio.sleep_forever()


async def echo(stream: CallStream) -> None:
    async for message in stream:
        await stream.send_message(message)


def opened_and_reset(count: int) -> Iterator[Frame]:
    encoder = hpack.Encoder()
    for stream_id in range(1, 2 * count, 2):
        block = encoder.encode(HEADERS)
        yield HeadersFrame(stream_id, data=block, flags=["END_HEADERS"])
        yield RstStreamFrame(stream_id, error_code=ErrorCodes.CANCEL)


async def test_a_rapid_reset_is_calmed(connect: "Connect") -> None:
    _, client = await connect(wait_forever, limits=GrpcLimits(max_resets_per_second=100))
    await client.send_frames(opened_and_reset(101))
    assert await client.goodbye_code() == ErrorCodes.ENHANCE_YOUR_CALM


async def test_as_many_resets_as_a_client_has_streams_are_fine(connect: "Connect") -> None:
    _, client = await connect(echo, limits=GrpcLimits(max_resets_per_second=100))
    await client.send_frames(opened_and_reset(100))
    await client.send_frames([PingFrame(0, opaque_data=b"12345678")])
    await client.next_event(PingAckReceived)


async def test_resets_that_a_peer_provokes_count_too(connect: "Connect") -> None:
    _, client = await connect(wait_forever, limits=GrpcLimits(max_resets_per_second=10))
    frames: list[Frame] = []
    encoder = hpack.Encoder()
    for stream_id in range(1, 23, 2):
        block = encoder.encode(HEADERS)
        frames.append(HeadersFrame(stream_id, data=block, flags=["END_HEADERS"]))
        frames.append(WindowUpdateFrame(stream_id, window_increment=2**31 - 1))
    await client.send_frames(frames)
    assert await client.goodbye_code() == ErrorCodes.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    "make_frame",
    [
        lambda: PingFrame(0, opaque_data=b"12345678"),
        lambda: PingFrame(0, opaque_data=b"12345678", flags=["ACK"]),
        lambda: SettingsFrame(0),
        lambda: PriorityFrame(1, depends_on=0, stream_weight=1),
        lambda: WindowUpdateFrame(1, window_increment=1),
        lambda: DataFrame(1, data=b""),
        lambda: b"\0\0\1\xbe\0\0\0\0\0?",
    ],
    ids=["ping", "ping-ack", "settings", "priority", "window-update", "empty-data", "unknown"],
)
async def test_a_flood_of_control_frames_is_calmed(
    connect: "Connect", make_frame: Callable[[], Frame | bytes]
) -> None:
    limits = GrpcLimits(max_control_frames_per_second=50)
    _, client = await connect(wait_forever, limits=limits)
    await client.call(b"", end=False)
    await client.send_frames(make_frame() for _ in range(60))
    assert await client.goodbye_code() == ErrorCodes.ENHANCE_YOUR_CALM


async def test_pings_between_messages_are_no_flood(connect: "Connect") -> None:
    _, client = await connect(echo, limits=GrpcLimits(max_control_frames_per_second=10))
    stream_id = await client.call(b"", end=False)
    for _ in range(10):
        await client.send(stream_id, b"\0\0\0\0\1m")
        await client.send_frames(PingFrame(0, opaque_data=b"12345678") for _ in range(5))
        await wait_all_tasks_blocked()
    await client.send(stream_id, b"", end=True)
    assert len((await client.reply(stream_id)).messages) == 10


async def test_a_continuation_flood_is_calmed_before_it_is_buffered(connect: "Connect") -> None:
    _, client = await connect(wait_forever, limits=GrpcLimits(max_header_list_bytes=20_000))
    frames: list[Frame] = [HeadersFrame(1, data=b"\x10" * 10_000)]
    frames += [ContinuationFrame(1, data=b"\x10" * 10_000) for _ in range(3)]
    await client.send_frames(frames)
    assert await client.goodbye_code() == ErrorCodes.ENHANCE_YOUR_CALM


async def test_a_header_list_that_unpacks_over_the_limit_is_calmed(connect: "Connect") -> None:
    _, client = await connect(wait_forever, limits=GrpcLimits(max_header_list_bytes=20_000))
    encoder = hpack.Encoder()
    encoder.encode([("x", "y" * 3_000)])
    repeated = hpack.Encoder().encode([*HEADERS, ("x", "y" * 3_000)])
    bomb = repeated + b"\xbe" * 10
    await client.send_frames([HeadersFrame(1, data=bomb, flags=["END_HEADERS"])])
    assert await client.goodbye_code() == ErrorCodes.ENHANCE_YOUR_CALM


async def test_a_frame_over_the_limit_is_refused(connect: "Connect") -> None:
    _, client = await connect(wait_forever)
    await client.call(b"", end=False)
    await client.send_frames([DataFrame(1, data=bytes(16_385))])
    assert await client.goodbye_code() == ErrorCodes.FRAME_SIZE_ERROR


async def test_a_burst_of_twice_the_streams_ends_the_connection(connect: "Connect") -> None:
    _, client = await connect(wait_forever, limits=GrpcLimits(max_streams=2))
    encoder = hpack.Encoder()
    await client.send_frames(
        HeadersFrame(stream_id, data=encoder.encode(HEADERS), flags=["END_HEADERS"])
        for stream_id in range(1, 11, 2)
    )
    assert await client.goodbye_code() == ErrorCodes.PROTOCOL_ERROR


async def test_refused_streams_count_as_resets(connect: "Connect") -> None:
    limits = GrpcLimits(max_streams=1, max_resets_per_second=5)
    _, client = await connect(wait_forever, limits=limits)
    encoder = hpack.Encoder()
    for stream_id in range(1, 15, 2):
        block = encoder.encode(HEADERS)
        await client.send_frames([HeadersFrame(stream_id, data=block, flags=["END_HEADERS"])])
        await wait_all_tasks_blocked()
    assert await client.goodbye_code() == ErrorCodes.ENHANCE_YOUR_CALM


async def greet_with(data: bytes, *, limits: GrpcLimits | None = None) -> list[bytes]:
    """Send bytes to a fresh server and return the frames it says until it closes."""
    client_end, server_end = memory_stream_pair()
    said = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(GrpcServer([], limits=limits).serve_stream, server_end)
        await client_end.send_all(data)
        while part := await client_end.receive_some():
            said += part
        await client_end.aclose()
    frames = []
    while said:
        end = 9 + int.from_bytes(said[:3], "big")
        frames.append(said[:end])
        said = said[end:]
    return frames


def error_code(goodbye: bytes) -> int:
    assert goodbye[3] == GoAwayFrame.type
    return int.from_bytes(goodbye[13:17], "big")


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01"])
async def test_a_peer_that_speaks_something_else_gets_a_goodbye(data: bytes) -> None:
    frames = await greet_with(data)
    assert frames[0][3] == SettingsFrame.type
    assert error_code(frames[-1]) == ErrorCodes.PROTOCOL_ERROR


async def test_settings_come_first() -> None:
    ping = PingFrame(0, opaque_data=b"12345678").serialize()
    frames = await greet_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + ping)
    assert error_code(frames[-1]) == ErrorCodes.PROTOCOL_ERROR


async def test_a_slow_greeting_is_cut_off(autojump_clock: object) -> None:
    started = trio.current_time()
    limits = GrpcLimits(handshake_timeout_seconds=3)
    frames = await greet_with(b"PRI * HTTP/2", limits=limits)
    assert error_code(frames[-1]) == ErrorCodes.SETTINGS_TIMEOUT
    assert trio.current_time() - started == pytest.approx(3)


async def test_a_silent_peer_is_pinged_and_dropped(
    connect: "Connect", autojump_clock: object
) -> None:
    limits = GrpcLimits(keepalive_seconds=5, keepalive_timeout_seconds=2)
    _, client = await connect(wait_forever, limits=limits)
    await client.call(b"", end=False)
    started = trio.current_time()
    while await client.stream.receive_some():
        pass
    assert trio.current_time() - started == pytest.approx(7)


async def test_a_peer_that_answers_pings_stays(connect: "Connect", autojump_clock: object) -> None:
    async def handler(stream: CallStream) -> None:
        await trio.sleep(100)

    limits = GrpcLimits(keepalive_seconds=5, keepalive_timeout_seconds=2)
    _, client = await connect(handler, limits=limits)
    assert (await client.reply(await client.call(b""))).status == 0


async def test_an_idle_connection_is_closed_politely(
    connect: "Connect", autojump_clock: object
) -> None:
    async def handler(stream: CallStream) -> None:
        await trio.sleep(20)

    _, client = await connect(handler, limits=GrpcLimits(idle_timeout_seconds=30))
    await client.reply(await client.call(b""))
    started = trio.current_time()
    while not client.goodbyes:
        assert await client.receive()
    assert client.goodbyes[0].error_code == ErrorCodes.NO_ERROR
    assert trio.current_time() - started == pytest.approx(30)


async def test_a_connection_with_a_call_is_not_idle(
    connect: "Connect", autojump_clock: object
) -> None:
    async def handler(stream: CallStream) -> None:
        await stream.send_initial_metadata()
        await trio.sleep(100)

    limits = GrpcLimits(idle_timeout_seconds=30, keepalive_seconds=1_000)
    _, client = await connect(handler, limits=limits)
    stream_id = await client.call(b"")
    await client.next_event(ResponseReceived)
    assert (await client.reply(stream_id)).status == 0
