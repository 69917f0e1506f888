"""Frames that cost a peer little and a service much, sent without end."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import hpack
import pytest
import trio
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.abuse.arena import (
    MIB,
    Arena,
    heard_until_closed,
    in_parallel,
    send_in_vain,
)
from tests.abuse.scale import FULL, scaled

pytestmark = [pytest.mark.abuse, pytest.mark.timeout(180)]
FLOODING_PEERS: Final = 100
FRAMES: Final = 100_000
ATTACK_SECONDS: Final = 5.0 if FULL else 2.0
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
METHOD: Final = "/rowferry.v1.ExportService/Export"
HEADERS: Final = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", METHOD),
    (":authority", "x"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
]
BLOCK: Final = hpack.Encoder().encode(HEADERS, huffman=False)
UPGRADE: Final = (
    b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def serialized(*frames: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in frames)


def opened_stream(stream_id: int) -> HeadersFrame:
    return HeadersFrame(stream_id, data=BLOCK, flags=["END_HEADERS"])


def rapid_reset(number: int) -> Iterator[bytes]:
    """Open and reset streams (CVE-2023-44487)."""
    for index in range(number // 100):
        ids = range(index * 200 + 1, index * 200 + 201, 2)
        yield b"".join(serialized(opened_stream(i), RstStreamFrame(i, error_code=8)) for i in ids)


def pings(number: int) -> Iterator[bytes]:
    """Ask for pongs without end (CVE-2019-9512)."""
    block = serialized(PingFrame(0, opaque_data=b"12345678")) * 100
    yield from (block for _ in range(number // 100))


def settings(number: int) -> Iterator[bytes]:
    """Ask for acknowledgements without end (CVE-2019-9515)."""
    block = serialized(SettingsFrame(0)) * 100
    yield from (block for _ in range(number // 100))


def empty_data(number: int) -> Iterator[bytes]:
    """Send frames that hold nothing (CVE-2019-9518)."""
    yield serialized(opened_stream(1))
    block = serialized(DataFrame(1)) * 100
    yield from (block for _ in range(number // 100))


def window_updates(number: int) -> Iterator[bytes]:
    """Open the window byte by byte."""
    yield serialized(opened_stream(1))
    block = serialized(WindowUpdateFrame(1, window_increment=1)) * 100
    yield from (block for _ in range(number // 100))


def continuations(number: int) -> Iterator[bytes]:
    """Never end a header block (CVE-2024-27316)."""
    yield serialized(HeadersFrame(1, data=BLOCK))
    block = serialized(ContinuationFrame(1, data=b"\x00\x01a\x01b" * 100))
    yield from (block for _ in range(number // 10))


async def sent_while_reading(stream: trio.SocketStream, blocks: Iterable[bytes]) -> bool:
    """Send, and read what comes; True if the service closed the connection in time."""
    with trio.move_on_after(ATTACK_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_in_vain, stream, blocks)
            await heard_until_closed(stream, 2 * ATTACK_SECONDS)
            nursery.cancel_scope.cancel()
        return True
    return False


@pytest.mark.parametrize(
    "flood", [rapid_reset, pings, settings, empty_data, window_updates, continuations]
)
async def test_http_2_floods(arena: Arena, flood: Callable[[int], Iterator[bytes]]) -> None:
    closed = 0
    blocks = list(flood(scaled(FRAMES)))

    async def be_loud(_: int) -> None:
        nonlocal closed
        async with await arena.connect("grpc") as stream:
            await stream.send_all(PREFACE + serialized(SettingsFrame(0)))
            was_closed = await sent_while_reading(stream, blocks)
        closed += was_closed

    name = f"HTTP/2 {flood.__name__}"
    async with arena.attack(name, growth_bytes=128 * MIB) as noted:
        await in_parallel(scaled(FLOODING_PEERS), be_loud, at_once=20)
        noted["connections"] = scaled(FLOODING_PEERS)
        noted["closed_by_the_service"] = closed


async def test_frames_and_headers_past_their_limits(arena: Arena) -> None:
    large = hpack.Encoder().encode([*HEADERS, ("x-large", "y" * 200_000)], huffman=False)
    parts = [large[at : at + 16_384] for at in range(0, len(large), 16_384)]
    attacks = [
        serialized(opened_stream(1)) + serialized(DataFrame(1, data=bytes(2**20))),
        serialized(
            HeadersFrame(1, data=parts[0]),
            *(ContinuationFrame(1, data=part) for part in parts[1:]),
        ),
        # a message of 4 GiB, announced
        serialized(opened_stream(1), DataFrame(1, data=b"\x00\xff\xff\xff\xff" + bytes(8_192))),
    ]
    answered = 0

    async def be_large(index: int) -> None:
        nonlocal answered
        async with await arena.connect("grpc") as stream:
            await stream.send_all(PREFACE + serialized(SettingsFrame(0)))
            await send_in_vain(stream, [attacks[index % len(attacks)]])
            await stream.send_eof()
            answer = await heard_until_closed(stream)
        answered += bool(answer)

    async with arena.attack("HTTP/2 oversize", growth_bytes=128 * MIB) as noted:
        await in_parallel(scaled(300), be_large, at_once=20)
        noted["connections"] = scaled(300)
        noted["answered"] = answered


def _masked(first: int, payload: bytes) -> bytes:
    """Write a client's WebSocket frame (RFC 6455 §5.2), masked with zeros."""
    if len(payload) < 126:
        length = bytes([0x80 | len(payload)])
    else:
        length = bytes([0x80 | 126]) + len(payload).to_bytes(2)
    return bytes([first]) + length + bytes(4) + payload


WEBSOCKET_FLOODS = {
    "pings": _masked(0x89, bytes(125)) * 100,
    "fragments": _masked(0x02, b"a") + _masked(0x00, bytes(1000)) * 1000,
    "empty fragments": _masked(0x02, b"") + _masked(0x00, b"") * 1000,
    "huge frame": bytes([0x82, 0x80 | 127]) + (2**40).to_bytes(8) + bytes(4) + bytes(60_000),
    "reserved bits": _masked(0xF2, b"a"),
}


@pytest.mark.parametrize("flood", WEBSOCKET_FLOODS)
@pytest.mark.parametrize(
    ("door", "path", "protocol"),
    [
        ("websocket", b"/v1/ingest", b"rowferry.ingest.v1"),
        ("http", b"/v1/progress", b"rowferry.progress.v1"),
    ],
    ids=["ingest", "progress"],
)
async def test_websocket_floods(
    arena: Arena, door: str, path: bytes, protocol: bytes, flood: str
) -> None:
    upgrade = b"GET %s HTTP/1.1\r\n%sSec-WebSocket-Protocol: %s\r\n\r\n" % (
        path,
        UPGRADE,
        protocol,
    )
    block = WEBSOCKET_FLOODS[flood]
    closed = 0

    async def be_loud(_: int) -> None:
        nonlocal closed
        async with await arena.connect(door) as stream:
            await stream.send_all(upgrade)
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
            was_closed = await sent_while_reading(stream, [block] * scaled(1_000))
        closed += was_closed

    name = f"WebSocket {door} {flood}"
    async with arena.attack(name, growth_bytes=192 * MIB) as noted:
        await in_parallel(scaled(FLOODING_PEERS), be_loud, at_once=10)
        noted["connections"] = scaled(FLOODING_PEERS)
        noted["closed_by_the_service"] = closed
