"""Handshakes that never end."""

import ssl

import pytest
import trio

from tests.abuse.arena import heard_until_closed, in_parallel
from tests.abuse.scale import scaled
from tests.e2e.tls import TlsService

pytestmark = [pytest.mark.abuse, pytest.mark.timeout(120)]
STALLED_PEERS = 500
CLIENT_HELLO_BEGINNING = bytes.fromhex("1603010200010001fc0303")
HANDSHAKE_SECONDS = 10.0


async def test_stalled_handshakes_are_closed_and_others_served(
    tls_service: TlsService, figures: dict[str, dict[str, object]]
) -> None:
    service = tls_service.service
    doors = [door for door in ("grpc", "http", "websocket") if door in service.ready]
    trusting = ssl.create_default_context(cafile=str(tls_service.ca_path))
    host, _, port = service.http.rpartition(":")
    slowest = 0.0
    closed = 0

    async def stall(index: int) -> None:
        nonlocal closed
        address, _, number = str(service.ready[doors[index % len(doors)]]).rpartition(":")
        async with await trio.open_tcp_stream(address, int(number)) as stream:
            await stream.send_all(CLIENT_HELLO_BEGINNING[: index % 2 * 11])
            await heard_until_closed(stream, HANDSHAKE_SECONDS * 3)
        closed += 1

    async def ask() -> None:
        nonlocal slowest
        while True:
            began = trio.current_time()
            async with await trio.open_tcp_stream(host, int(port)) as tcp:
                stream = trio.SSLStream(tcp, trusting, server_hostname=host, https_compatible=True)
                await stream.send_all(b"GET /v1/exports HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
            slowest = max(slowest, trio.current_time() - began)
            await trio.sleep(0.1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await in_parallel(scaled(STALLED_PEERS), stall, at_once=STALLED_PEERS)
        nursery.cancel_scope.cancel()
    figures["stalled TLS handshakes"] = {
        "connections": closed,
        "bystander_slowest_seconds": round(slowest, 3),
    }
    assert closed == scaled(STALLED_PEERS)
    assert slowest < HANDSHAKE_SECONDS
