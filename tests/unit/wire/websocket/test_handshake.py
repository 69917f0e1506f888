"""Who is let in: by path, by origin, by subprotocol, in time, and with headers of a size."""

import pytest
import trio
from trio.testing import MockClock
from wsproto.events import AcceptConnection

from rowferry.wire.websocket_handshake import HandshakeRules
from tests.unit.wire.websocket.conftest import MakeServer, echo

SPOKEN = "rowferry.test.v1"
RULES = HandshakeRules(
    paths=("/door",), subprotocol=SPOKEN, allowed_origins=("https://shop.example",)
)


@pytest.mark.parametrize(
    "origin", [None, "https://shop.example", "http://door.test:9091", "https://door.test"]
)
async def test_programs_and_pages_of_known_hosts_are_let_in(
    make_server: MakeServer, origin: str | None
) -> None:
    peer = make_server(echo, rules=RULES).connect()
    headers = ((b"Origin", origin.encode()),) if origin else ()
    answer = await peer.shake_hands(
        path="/door?x=1", subprotocols=("other", SPOKEN), headers=headers
    )
    assert isinstance(answer, AcceptConnection)
    assert answer.subprotocol == SPOKEN


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://door.test.evil.example", "http://[", "x"]
)
async def test_pages_of_other_hosts_are_refused(make_server: MakeServer, origin: str) -> None:
    server = make_server(echo, rules=RULES)
    headers = ((b"Origin", origin.encode()),)
    answer = await server.connect().refused(path="/door", subprotocols=(SPOKEN,), headers=headers)
    assert answer.status_code == 403


async def test_a_star_lets_every_page_in(make_server: MakeServer) -> None:
    peer = make_server(echo, rules=HandshakeRules(allowed_origins=("*",))).connect()
    answer = await peer.shake_hands(headers=((b"Origin", b"https://evil.example"),))
    assert isinstance(answer, AcceptConnection)


async def test_other_paths_and_a_missing_subprotocol_are_refused(make_server: MakeServer) -> None:
    server = make_server(echo, rules=RULES)
    assert (await server.connect().refused(path="/", subprotocols=(SPOKEN,))).status_code == 404
    assert (await server.connect().refused(path="/door")).status_code == 400


async def test_a_token_in_the_address_is_refused(make_server: MakeServer) -> None:
    peer = make_server(echo, rules=RULES).connect()
    answer = await peer.refused(path="/door?token=secret", subprotocols=(SPOKEN,))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: door.test\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: door.test\r\nContent-Length: 5\r\n\r\nhello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: door.test\r\nX: " + 100_000 * b"x",
    ],
    ids=["plain GET", "POST", "TLS", "headers without an end"],
)
async def test_what_is_no_handshake_is_answered_and_ended(
    make_server: MakeServer, request_bytes: bytes, autojump_clock: MockClock
) -> None:
    server = make_server(echo)
    peer = server.connect()
    await peer.send_bytes(request_bytes)
    received = b""
    while data := await peer.stream.receive_some():
        received += data
    assert received.startswith(b"HTTP/1.1 4")
    assert trio.current_time() < 5  # long before the patience with a handshake is over


async def test_a_handshake_that_trickles_in_has_a_deadline(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    server = make_server(echo, handshake_timeout_seconds=10.0)
    peer = server.connect()
    for byte in b"GET / HTTP/1.1\r\nHost":
        await trio.sleep(1)
        if server.over:
            break
        await peer.send_bytes(bytes([byte]))
    assert server.over == 1
    assert trio.current_time() == pytest.approx(11, abs=1.5)


async def test_the_deadline_is_for_the_handshake_only(
    make_server: MakeServer, autojump_clock: MockClock
) -> None:
    server = make_server(echo, handshake_timeout_seconds=10.0)
    await server.connect().open()
    await trio.sleep(15)
    assert server.over == 0


@pytest.mark.parametrize(
    "field",
    [
        b"Host: door\r\nSec-WebSocket-Protocol: \xff",
        b"Host: door\r\nConnection: Upgrade, \xe4",
        b"Host: \xff",
    ],
    ids=["subprotocol", "connection", "host"],
)
async def test_a_handshake_that_is_no_text_is_refused(
    make_server: MakeServer, field: bytes
) -> None:
    stream = make_server(echo).connect().stream
    await stream.send_all(
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + field
        + b"\r\n\r\n"
    )
    answer = b"".join([bytes(block) async for block in stream])
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
