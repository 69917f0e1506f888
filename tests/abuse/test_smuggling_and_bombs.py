"""Requests that hide others, heads past their limits, and small bodies that become large ones."""

import gzip
import json
import urllib.request
import zlib
from collections.abc import Iterator

import hpack
import pytest
import trio
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

from tests.abuse.arena import MIB, Arena, heard_until_closed, in_parallel, send_in_vain
from tests.abuse.scale import FULL, scaled
from tests.abuse.test_floods import HEADERS, PREFACE
from tests.record_batches import encode_rows

pytestmark = [pytest.mark.abuse, pytest.mark.timeout(180)]
POST = b"POST /v1/exports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /v1/exports/hidden HTTP/1.1\r\nHost: x\r\n\r\n"
PROBES = {
    "CL.TE": POST + b"Content-Length: 6\r\n" + CHUNKED + b"\r\n0\r\n\r\nG",
    "TE.CL": POST + CHUNKED + b"Content-Length: 4\r\n\r\n5c\r\n",
    "TE.TE": POST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a coding with a tab": POST + b"Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n",
    "a coding with a blank": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a coding on a folded line": POST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n",
    "CL.CL": POST + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
    "CL.0 with a list": POST + b"Content-Length: 0, 40\r\n\r\n",
    "bare LF": POST.replace(b"\r\n", b"\n") + b"Content-Length: 2\n\n{}",
    "bare CR": POST + b"X: y\rContent-Length: 2\r\n\r\n{}",
    "a chunk that overruns": POST + CHUNKED + b"\r\n2\r\n{}xx\r\n0\r\n\r\n",
    "a chunk's end with LF": POST + CHUNKED + b"\r\n0\r\n\n",
    "HTTP/2 by upgrade": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /v1/exports\r\n",
}


async def test_hidden_requests_are_not_answered(arena: Arena) -> None:
    answered: dict[str, bytes] = {}

    async def probe(index: int) -> None:
        name = list(PROBES)[index]
        async with await arena.connect("http") as stream:
            await stream.send_all(PROBES[name] + HIDDEN)
            answered[name] = await heard_until_closed(stream)

    async with arena.attack("HTTP smuggling", growth_bytes=64 * MIB) as noted:
        await in_parallel(len(PROBES), probe)
        noted["probes"] = len(PROBES)
    for name, answer in answered.items():
        assert answer.count(b"\r\n\r\n") == 1, (name, answer)
        assert answer.split()[1] in {b"400", b"501", b"505"}, (name, answer)


async def test_heads_past_their_limits(arena: Arena) -> None:
    heads = [
        b"GET /" + b"a" * 2**20,
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2**20,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 2**18,
        b"POST /v1/exports HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n1;" + b"a" * 2**20,
    ]

    async def be_large(index: int) -> None:
        async with await arena.connect("http") as stream:
            await send_in_vain(stream, [heads[index % len(heads)]])
            await heard_until_closed(stream)

    async with arena.attack("HTTP oversize heads", growth_bytes=64 * MIB) as noted:
        await in_parallel(scaled(400), be_large, at_once=20)
        noted["connections"] = scaled(400)


def _bomb(size_bytes: int) -> bytes:
    """Give gzip of so many equal lines of CSV."""
    squeezed = zlib.compressobj(9, wbits=31)
    block = b"a\n" * 2**19
    parts = [squeezed.compress(block) for _ in range(size_bytes // len(block))]
    return b"".join(parts) + squeezed.flush()


async def test_http_zip_bombs(arena: Arena) -> None:
    """1 GiB of rows in a megabyte: refused at ``spool.max_bytes_per_task``."""
    bomb = _bomb(2**30 if FULL else 2**28)
    head = (
        b"POST /v1/export?format=csv&filename=bomb&header=absent&columns=%s HTTP/1.1\r\n"
        b"Host: x\r\nContent-Type: text/csv; header=absent\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n"
    ) % (b'%5B%7B"key"%3A"a"%2C"name"%3A"a"%7D%5D', len(bomb))
    answers: list[bytes] = []

    async def send_bomb(_: int) -> None:
        async with await arena.connect("http") as stream, trio.open_nursery() as nursery:
            nursery.start_soon(send_in_vain, stream, [head + bomb])
            with trio.fail_after(120):
                answers.append(bytes(await stream.receive_some()))
            nursery.cancel_scope.cancel()

    async with arena.attack("HTTP gzip bombs", growth_bytes=192 * MIB) as noted:
        await in_parallel(4 if FULL else 1, send_bomb)
        noted["bomb_bytes"] = len(bomb)
        noted["answers"] = sorted({answer.split(b" ")[1].decode() for answer in answers})
    assert noted["answers"] == ["413"], answers


def _header_values(answer: bytes) -> set[str]:
    """Read all header fields of an HTTP/2 connection's answer."""
    decoder, values = hpack.Decoder(), set[str]()
    view = memoryview(answer)
    while len(view) >= 9:
        frame, length = Frame.parse_frame_header(view[:9])
        frame.parse_body(view[9 : 9 + length])
        view = view[9 + length :]
        if isinstance(frame, HeadersFrame):
            values |= {str(value) for _, value in decoder.decode(frame.data)}
    return values


async def test_grpc_zip_bombs(arena: Arena) -> None:
    """A message of 1 MiB that inflates to 1 GiB is refused at its limit."""
    inflated = encode_rows([("a" * 2**20,)], 1)
    bomb = gzip.compress(inflated[:1] * 2**28, 9)
    message = b"\x01" + len(bomb).to_bytes(4) + bomb
    block = hpack.Encoder().encode([*HEADERS, ("grpc-encoding", "gzip")], huffman=False)

    def frames() -> Iterator[bytes]:
        yield HeadersFrame(1, data=block, flags=["END_HEADERS"]).serialize()
        for at in range(0, len(message), 16_384):
            yield DataFrame(1, data=message[at : at + 16_384]).serialize()

    refused = 0

    async def send_bomb(_: int) -> None:
        nonlocal refused
        async with await arena.connect("grpc") as stream:
            await stream.send_all(PREFACE + SettingsFrame(0).serialize())
            await send_in_vain(stream, frames())
            answer = b""
            with trio.fail_after(30):
                while "TOO_LARGE" not in _header_values(answer):
                    answer += await stream.receive_some()
        refused += 1

    async with arena.attack("gRPC gzip bombs", growth_bytes=256 * MIB) as noted:
        await in_parallel(scaled(100), send_bomb, at_once=5)
        noted["messages"] = scaled(100)
        noted["refused"] = refused
        noted["bomb_bytes"] = len(bomb)
    assert refused == scaled(100)


async def test_service_is_healthy_after_all_that(arena: Arena) -> None:
    url = f"http://{arena.service.metrics}/healthz"

    def ask() -> str:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(json.load(answer)["status"])

    assert await trio.to_thread.run_sync(ask) == "ok"
