"""Places of connections: in all, by address, by client."""

from typing import Any, cast

import pytest
import trio
from structlog.testing import capture_logs

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.wire.connection_limiter import ClientConnections, ConnectionLimiter, ConnectionPlace


def stream_from(address: str) -> trio.SocketStream:
    class Socket:
        def getpeername(self) -> tuple[str, int]:
            return (address, 1234)

    class Stream:
        socket = Socket()

    return cast("trio.SocketStream", cast("Any", Stream()))


async def test_places_are_given_up_to_the_limit_and_again_once_given_back() -> None:
    limiter = ConnectionLimiter("http", max_connections=2)
    with limiter.place(stream_from("192.0.2.1")):
        with limiter.place(stream_from("192.0.2.2")) as second:
            assert isinstance(second, ConnectionPlace)
            with limiter.place(stream_from("192.0.2.3")) as third:
                assert third is None
        with limiter.place(stream_from("192.0.2.3")) as again:
            assert again is not None
            assert again.address == "192.0.2.3"
    assert limiter.open_connections == 0


@pytest.mark.parametrize(
    ("address", "neighbour", "stranger"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
        ("fe80::1%eth0", "fe80::2%eth0", "2001:db8::1"),
    ],
)
async def test_one_network_gets_no_more_than_its_share(
    address: str, neighbour: str, stranger: str
) -> None:
    limiter = ConnectionLimiter("http", max_connections=9, max_per_address=1)
    with limiter.place(stream_from(address)):
        with limiter.place(stream_from(neighbour)) as place:
            assert place is None
        with limiter.place(stream_from(stranger)) as place:
            assert place is not None
    with limiter.place(stream_from(neighbour)) as place:
        assert place is not None


async def test_a_client_has_so_many_connections_however_often_it_calls() -> None:
    clients = ClientConnections(lambda client: {"ann": 1}.get(client, 0))
    limiter = ConnectionLimiter("http", max_connections=9, clients=clients)
    other_port = ConnectionLimiter("grpc", max_connections=9, clients=clients)
    with limiter.place(stream_from("")) as first, other_port.place(stream_from("")) as second:
        assert first is not None
        assert second is not None
        first.serve("ann")
        first.serve("ann")
        first.serve("bob")
        second.serve("bob")
        with pytest.raises(RowferryError, match="as many connections") as refused:
            second.serve("ann")
        assert refused.value.code is ErrorCode.RATE_LIMITED
        assert refused.value.context["retry_after_seconds"] == "1"
    with limiter.place(stream_from("")) as third:
        assert third is not None
        third.serve("ann")


async def test_refusals_are_logged_once_a_second(autojump_clock: object) -> None:
    limiter = ConnectionLimiter("http", max_connections=1)
    with capture_logs() as logs, limiter.place(stream_from("192.0.2.1")):
        for _ in range(5):
            with limiter.place(stream_from("192.0.2.2")):
                pass
        await trio.sleep(1)
        with limiter.place(stream_from("192.0.2.2")):
            pass
    assert [entry["refused"] for entry in logs] == [1, 5]
