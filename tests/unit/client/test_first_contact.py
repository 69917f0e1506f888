"""Nobody has to be at an address yet; who never comes is told, with address and cause."""

import logging
import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from rowferry.client import Client, UnreachableError
from rowferry.client.address import parse_address
from rowferry.client.connections import Connections
from rowferry.client.retries import FIRST_CONTACT_SECONDS
from rowferry.client.service_calls import ServiceCalls
from rowferry.wire.grpc_server import GrpcServer


class Warned(logging.Handler):
    """Says once that something was tried again."""

    def __init__(self) -> None:
        super().__init__()
        self.again = trio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.again.set()


@pytest.fixture
def warned() -> Iterator[Warned]:
    handler, log = Warned(), logging.getLogger("rowferry.client")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A port of ours at which nobody listens yet."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        yield bound


def address_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()
    return f"{host}:{port}"


async def test_a_service_that_starts_later_is_waited_for(
    server: GrpcServer, silent: socket.socket, warned: Warned, nursery: trio.Nursery
) -> None:
    address = address_of(silent)

    async def start_once_it_was_missed() -> None:
        await warned.again.wait()
        host, _, port = address.partition(":")
        await nursery.start(server.serve, host, int(port))

    nursery.start_soon(start_once_it_was_missed)
    async with Client(address, connect_timeout_seconds=25) as client:
        assert (await client.status("t")).state == "completed"


async def test_nobody_there_is_told_with_the_address_and_the_cause(silent: socket.socket) -> None:
    with pytest.raises(UnreachableError, match="Connection refused") as failed:
        async with Client(address_of(silent), connect_timeout_seconds=0):
            pass
    assert address_of(silent) in str(failed.value)


class Away(Connections):
    """Nobody is there; from the third try on, whoever is there says nothing."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__(nursery, parse_address("away:1"), tls=None, token="")
        self.tries = 0

    async def calls(self, node: str = "") -> ServiceCalls:
        self.tries += 1
        await (trio.sleep_forever if self.tries > 2 else trio.lowlevel.checkpoint)()
        raise UnreachableError(f"Away {self.tries}.")


async def test_after_ten_seconds_the_last_failure_is_raised(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    away, began = Away(nursery), autojump_clock.current_time()
    with pytest.raises(UnreachableError, match="Away 2"):
        await away.connect(FIRST_CONTACT_SECONDS)
    assert away.tries == 3
    assert autojump_clock.current_time() - began == pytest.approx(10)


async def test_one_who_accepts_and_says_nothing_is_nobody(silent: socket.socket) -> None:
    silent.listen()
    with pytest.raises(UnreachableError, match="did not answer in time") as failed:
        async with Client(address_of(silent), connect_timeout_seconds=0.2):
            pass
    assert address_of(silent) in str(failed.value)
