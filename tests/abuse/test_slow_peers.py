"""Peers that say little, slowly, or nothing: they cost a place for a while, and nobody else."""

import pytest
import trio

from tests.abuse.arena import MIB, Arena, heard_until_closed, in_parallel, send_in_vain
from tests.abuse.conftest import IDLE_CONNECTIONS
from tests.abuse.scale import FULL, scaled

pytestmark = [pytest.mark.abuse, pytest.mark.timeout(180)]
SLOW_PEERS = 1_000
HEAD_SECONDS = 10.0  # what a head, or a preface, may take
HTTP_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
GRPC_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE_SECONDS = HEAD_SECONDS * 3

BEGINNINGS = {
    "http": HTTP_HEAD + b"X-Slow: " + b"y" * 60,
    "websocket": HTTP_HEAD + b"X-Slow: " + b"y" * 60,
    "grpc": GRPC_PREFACE[:-1],
}


async def test_heads_that_come_byte_by_byte(arena: Arena) -> None:
    """Slowloris on every port at once: each connection is closed in time."""
    peers = scaled(SLOW_PEERS)
    longest: dict[str, float] = {}

    async def be_slow(door: str) -> None:
        stream = await arena.connect(door)
        began = trio.current_time()
        with trio.fail_after(PATIENCE_SECONDS):
            bytes_of = (bytes([byte]) for byte in BEGINNINGS[door])
            await send_in_vain(stream, bytes_of, pause_seconds=0.5)
            await heard_until_closed(stream, PATIENCE_SECONDS)
        longest[door] = max(longest.get(door, 0.0), trio.current_time() - began)
        await stream.aclose()

    doors = [door for door in BEGINNINGS if door in arena.service.ready]
    async with arena.attack("slow heads", growth_bytes=256 * MIB) as noted:
        async with trio.open_nursery() as nursery:
            for door in doors:
                for _ in range(peers // len(doors)):
                    nursery.start_soon(be_slow, door)
        noted["connections"] = peers // len(doors) * len(doors)
        noted["closed_after_seconds"] = {door: round(s, 1) for door, s in longest.items()}


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/exports HTTP/1.1\r\nContent-Type: application/json\r\n",
        b"POST /v1/export?format=csv&filename=a HTTP/1.1\r\nContent-Type: text/csv\r\n",
    ],
    ids=["json", "rows"],
)
async def test_bodies_that_come_byte_by_byte(arena: Arena, head: bytes) -> None:
    request = head + b"Host: x\r\nContent-Length: 100000\r\n\r\n"
    peers = scaled(SLOW_PEERS)

    async def be_slow(_: int) -> None:
        async with await arena.connect("http") as stream:
            with trio.move_on_after(10 if FULL else 1):
                await stream.send_all(request)
                await send_in_vain(stream, [b"a"] * 100, pause_seconds=0.2)

    name = "slow bodies of " + ("JSON" if b"json" in head else "rows")
    async with arena.attack(name, growth_bytes=256 * MIB) as noted:
        await in_parallel(peers, be_slow, at_once=peers)
        noted["connections"] = peers


@pytest.mark.parametrize("door", ["grpc", "http", "websocket"])
async def test_ten_thousand_idle_connections(fresh_arena: Arena, door: str) -> None:
    """A place and a few kilobytes each; on gRPC greeted properly, so that they may stay."""
    arena = fresh_arena
    if door not in arena.service.ready:
        pytest.skip(f"the service has no {door} port")
    wanted = scaled(IDLE_CONNECTIONS)
    greeting = GRPC_PREFACE + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]) if door == "grpc" else b""
    streams: list[trio.SocketStream] = []

    async def open_one(_: int) -> None:
        stream = await arena.connect(door)
        streams.append(stream)
        if greeting:
            await stream.send_all(greeting)

    bound = wanted * 64 * 1024 + 96 * MIB
    async with arena.attack(f"idle {door} connections", growth_bytes=bound) as noted:
        await in_parallel(wanted, open_one, at_once=100)
        noted["connections"] = len(streams)
        await trio.sleep(1)
        for stream in streams:
            await trio.aclose_forcefully(stream)
