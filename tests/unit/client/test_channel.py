"""The client against peers that misbehave, or behave in ways our own server never does."""

import logging
from collections.abc import Awaitable, Callable, Sequence

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
import trio
from trio.testing import memory_stream_pair

from rowferry.client.channel import Channel, open_channel
from rowferry.client.errors import RowferryError, UnreachableError

OK_HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
OK_TRAILERS = [("grpc-status", "0")]
MESSAGE = b"\x00\x00\x00\x00\x02hi"


TOKEN = [("authorization", "Bearer secret")]


class Peer:
    """One scripted HTTP/2 server: it answers the first request in the way it is told."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.h2.initiate_connection()

    async def flush(self) -> None:
        await self.stream.send_all(self.h2.data_to_send())

    async def receive_until(self, kind: type[h2.events.Event]) -> None:
        while True:
            events = self.h2.receive_data(bytes(await self.stream.receive_some()))
            await self.flush()
            if any(isinstance(event, kind) for event in events):
                return

    async def answer(
        self, data: bytes, headers: Sequence[tuple[str, str]] = tuple(OK_HEADERS)
    ) -> None:
        self.h2.send_headers(1, headers)
        self.h2.send_data(1, data)
        self.h2.send_headers(1, OK_TRAILERS, end_stream=True)
        await self.flush()


async def ask(behaviour: Callable[[Peer], Awaitable[None]], request: bytes = b"") -> bytes:
    """Make one unary call to a peer that does ``behaviour`` once it has the request's headers."""
    near, far = memory_stream_pair()
    channel, peer = Channel(near, "test", scheme="http"), Peer(far)

    async def run_peer() -> None:
        await peer.flush()
        await peer.receive_until(h2.events.RequestReceived)
        await behaviour(peer)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.read)
        nursery.start_soon(channel.write)
        nursery.start_soon(run_peer)
        await channel.wait_ready()
        try:
            return await channel.unary("/s/m", request)
        finally:
            await channel.aclose()
            nursery.cancel_scope.cancel()


async def refused(behaviour: Callable[[Peer], Awaitable[None]], match: str) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(RowferryError, match=match)):
        await ask(behaviour)


async def unreachable(behaviour: Callable[[Peer], Awaitable[None]], match: str) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(UnreachableError, match=match)):
        await ask(behaviour)


async def test_a_well_behaved_answer_is_given() -> None:
    assert await ask(lambda peer: peer.answer(MESSAGE)) == b"hi"


async def test_padding_and_interim_frames_do_not_matter() -> None:
    async def behave(peer: Peer) -> None:
        peer.h2.ping(b"12345678")
        peer.h2.send_headers(1, OK_HEADERS)
        peer.h2.send_data(1, MESSAGE[:3], pad_length=9)
        await peer.flush()
        await peer.receive_until(h2.events.PingAckReceived)
        peer.h2.send_data(1, MESSAGE[3:])
        peer.h2.send_headers(1, OK_TRAILERS, end_stream=True)
        await peer.flush()

    assert await ask(behave) == b"hi"


async def test_a_web_server_is_told_apart_from_a_service() -> None:
    headers = [(":status", "404"), ("content-type", "text/html")]
    await refused(lambda peer: peer.answer(b"", headers), "HTTP status 404")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "exactly one answer"),
        (MESSAGE * 2, "exactly one answer"),
        (MESSAGE[:6], "cut off"),
        (b"\x01" + MESSAGE[1:], "compressed"),
        (b"\x00\x7f\xff\xff\xff", "message of 2147483647 bytes"),
    ],
)
async def test_a_broken_answer_is_refused(data: bytes, match: str) -> None:
    await refused(lambda peer: peer.answer(data), match)


async def test_a_verdict_in_the_headers_is_read() -> None:
    async def behave(peer: Peer) -> None:
        headers = [*OK_HEADERS, ("grpc-status", "5"), ("grpc-message", "gone")]
        peer.h2.send_headers(1, headers, end_stream=True)
        await peer.flush()

    await refused(behave, "NOT_FOUND: gone")


async def test_a_verdict_before_the_question_is_through_is_read() -> None:
    async def behave(peer: Peer) -> None:
        headers = [*OK_HEADERS, ("grpc-status", "5"), ("grpc-message", "gone")]
        peer.h2.send_headers(1, headers, end_stream=True)
        await peer.flush()

    with pytest.RaisesGroup(pytest.RaisesExc(RowferryError, match="NOT_FOUND: gone")):
        await ask(behave, b"more than the window of a stream" * 10_000)


def test_the_log_never_has_a_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    channel = Channel(memory_stream_pair()[0], "test", scheme="http", metadata=TOKEN)

    async def begin() -> None:
        async with channel.call("/s/m"):
            pass

    trio.run(begin)
    assert "secret" not in caplog.text
    assert "736563726574" not in caplog.text


@pytest.mark.parametrize(
    ("code", "name"), [(h2.errors.ErrorCodes.INTERNAL_ERROR, "INTERNAL_ERROR"), (99, "99")]
)
async def test_a_reset_is_reported_with_its_reason(
    code: h2.errors.ErrorCodes | int, name: str
) -> None:
    async def behave(peer: Peer) -> None:
        peer.h2.reset_stream(1, code)
        await peer.flush()

    await unreachable(behave, f"broke the call off: {name}")


async def test_a_shutdown_that_leaves_the_call_out_fails_it() -> None:
    async def behave(peer: Peer) -> None:
        peer.h2.close_connection(last_stream_id=0)
        await peer.flush()

    await unreachable(behave, "shutting down")


async def test_what_is_not_http2_is_reported() -> None:
    async def behave(peer: Peer) -> None:
        await peer.stream.send_all(bytes(9))  # an empty DATA frame on stream 0: RFC 9113 §6.1

    await unreachable(behave, "does not speak HTTP/2")


async def test_a_closed_connection_is_reported() -> None:
    async def behave(peer: Peer) -> None:
        await peer.stream.aclose()

    await unreachable(behave, "closed the connection|connection broke")


async def test_a_service_that_never_answers_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    near, _far = memory_stream_pair()
    channel = Channel(near, "test", scheme="http")
    with pytest.raises(UnreachableError, match="in time"):
        await channel.wait_ready()


async def test_a_lost_connection_takes_no_more_calls() -> None:
    near, far = memory_stream_pair()
    channel = Channel(near, "test", scheme="http")
    await far.aclose()
    await channel.read()
    await channel.write()
    with pytest.raises(UnreachableError):
        await channel.wait_ready()
    with pytest.raises(UnreachableError):
        await channel.unary("/s/m", b"")
    await channel.aclose()


async def test_an_address_of_version_6_is_put_in_brackets(nursery: trio.Nursery) -> None:
    seen: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        peer = Peer(stream)
        await peer.flush()
        async for data in stream:
            for event in peer.h2.receive_data(bytes(data)):
                if isinstance(event, h2.events.RequestReceived):
                    seen.append(dict(event.headers)[b":authority"])
                    await peer.answer(MESSAGE)

    listeners = await trio.open_tcp_listeners(0, host="::1")
    nursery.start_soon(trio.serve_listeners, serve, listeners)
    port = listeners[0].socket.getsockname()[1]
    async with open_channel("::1", port) as channel:
        await channel.unary("/s/m", b"")
    assert seen == [f"[::1]:{port}".encode()]
    nursery.cancel_scope.cancel()
