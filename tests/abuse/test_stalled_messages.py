"""Senders that announce a message, send most of it, and stall: what they hold, others must get."""

import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
import trio
from hyperframe.frame import DataFrame, SettingsFrame

from rowferry.ingest.websocket_door import WEBSOCKET_PATH
from rowferry.ingest.websocket_messages import SUBPROTOCOL
from tests.abuse.arena import MIB, Arena
from tests.abuse.test_floods import PREFACE, UPGRADE, opened_stream, serialized

pytestmark = [pytest.mark.abuse, pytest.mark.timeout(180)]
STALLED_PEERS: Final = 48
STREAMS: Final = 4
SENT_BYTES: Final = 6 * MIB // 10
METADATA: Final = (
    b'{"type":"metadata","metadata":{"request_id":"%d %d","filename":"rows",'
    b'"columns":[{"key":"a","name":"a"}]}}'
)
BINARY_FRAME: Final = 0x82
MASKED_64_BIT_LENGTH: Final = 0x80 | 127


def grpc_messages(message_bytes: int, _: int) -> Iterator[bytes]:
    """Begin a message on each of some streams, and end none."""
    yield PREFACE + serialized(SettingsFrame(0), SettingsFrame(0, flags=["ACK"]))
    data = struct.pack(">BI", 0, message_bytes) + bytes(SENT_BYTES)
    for stream_id in range(1, 2 * STREAMS, 2):
        yield serialized(opened_stream(stream_id))
        for start in range(0, len(data), 16_384):
            yield serialized(DataFrame(stream_id, data[start : start + 16_384]))


def websocket_message(message_bytes: int, peer: int) -> Iterator[bytes]:
    """Begin a batch behind the metadata, and do not end it."""
    yield (
        b"GET " + WEBSOCKET_PATH.encode() + b" HTTP/1.1\r\nSec-WebSocket-Protocol: "
        + SUBPROTOCOL.encode() + b"\r\n" + UPGRADE + b"\r\n"
    )  # fmt: skip
    text = METADATA % (message_bytes, peer)
    yield bytes([0x81, 0x80 | 126]) + struct.pack(">H", len(text)) + bytes(4) + text
    yield bytes([BINARY_FRAME, MASKED_64_BIT_LENGTH]) + struct.pack(">Q", message_bytes) + bytes(4)
    yield bytes(SENT_BYTES + (message_bytes > MIB) * MIB)


@pytest.mark.parametrize("message_bytes", [MIB, 16 * MIB], ids=["1 MiB", "16 MiB"])
@pytest.mark.parametrize(
    ("door", "messages"), [("grpc", grpc_messages), ("websocket", websocket_message)]
)
async def test_messages_that_stall_hold_up_nobody(
    arena: Arena, door: str, messages: Callable[[int, int], Iterator[bytes]], message_bytes: int
) -> None:
    """Others are served while they stall: nobody waits for what waits for such a client."""
    stalled = 0
    streams: list[trio.SocketStream] = []

    async def stall(number: int) -> None:
        nonlocal stalled
        stream = await arena.connect(door)
        streams.append(stream)
        for block in messages(message_bytes, number):
            await stream.send_all(block)
            if block.startswith((b"PRI", b"GET")):
                await stream.receive_some()  # windows are open, the handshake is over
        stalled += 1

    name = f"stalled {door} messages of {message_bytes // MIB} MiB"
    async with _closing(streams), arena.attack(name, growth_bytes=512 * MIB) as noted:
        with trio.move_on_after(10):
            async with trio.open_nursery() as nursery:
                for number in range(STALLED_PEERS):
                    nursery.start_soon(stall, number)
        noted["connections"] = len(streams)
        noted["sent_all"] = stalled


@asynccontextmanager
async def _closing(streams: list[trio.SocketStream]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for stream in streams:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)
