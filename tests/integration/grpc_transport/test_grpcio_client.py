"""The reference client against the server, in the clear and over TLS."""

import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import grpc  # type: ignore[import-untyped]  # ships no types
import pytest
import trio

from rowferry.wire.grpc_limits import GrpcLimits

if TYPE_CHECKING:
    from tests.integration.grpc_transport.conftest import Certificates, Run

MIB = 1024 * 1024


@pytest.fixture(params=["clear", "tls"])
def secured(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "tls")


@pytest.fixture
def open_channel(certificates: "Certificates", *, secured: bool) -> Callable[[str], grpc.Channel]:
    def open_channel(address: str) -> grpc.Channel:
        options = [("grpc.max_receive_message_length", -1)]
        if not secured:
            return grpc.insecure_channel(address, options)
        roots = certificates.authority.cert_pem.bytes()
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(roots), options)

    return open_channel


class Talk:
    """Runs one blocking conversation on a channel in a thread."""

    def __init__(
        self, run: "Run", tls: ssl.SSLContext | None, open_channel: Callable[[str], grpc.Channel]
    ) -> None:
        self._run = run
        self._tls = tls
        self._open_channel = open_channel

    async def __call__(
        self, converse: Callable[[grpc.Channel], None], *, limits: GrpcLimits | None = None
    ) -> list[str]:
        """Return the peers that the unary method saw."""

        def in_thread(address: str) -> None:
            with self._open_channel(address) as channel:
                converse(channel)

        async with self._run(limits=limits, tls=self._tls) as running:
            await trio.to_thread.run_sync(in_thread, running.address)
        return running.service.peers


@pytest.fixture
def talk(
    run: "Run",
    tls: ssl.SSLContext,
    open_channel: Callable[[str], grpc.Channel],
    *,
    secured: bool,
) -> Talk:
    return Talk(run, tls if secured else None, open_channel)


async def test_a_unary_call_carries_metadata_both_ways(talk: Talk) -> None:
    def converse(channel: grpc.Channel) -> None:
        method = channel.unary_unary("/test.Service/unary")
        reply, call = method.with_call(b"question", metadata=[("x", "y")])
        assert reply == b"question"
        assert ("seen", "y") in call.initial_metadata()
        assert ("after-bin", b"\0\1") in call.trailing_metadata()

    peers = await talk(converse)
    assert [peer.rpartition(":")[0] for peer in peers] == ["127.0.0.1"]


async def test_streams_of_every_kind(talk: Talk) -> None:
    def converse(channel: grpc.Channel) -> None:
        parts = [b"x" * 1_000] * 500
        assert channel.stream_unary("/test.Service/collect")(iter(parts)) == b"500000"
        counted = channel.unary_stream("/test.Service/count")(b"1000")
        assert list(counted) == [str(number).encode() for number in range(1_000)]
        assert list(channel.stream_stream("/test.Service/echo")(iter(parts))) == parts

    await talk(converse)


async def test_messages_larger_than_the_windows_both_ways(talk: Talk) -> None:
    def converse(channel: grpc.Channel) -> None:
        large = bytes(range(256)) * (15 * MIB // 256)
        assert list(channel.stream_stream("/test.Service/echo")(iter([large]))) == [large]

    await talk(converse)


async def test_many_calls_at_once_on_one_connection(talk: Talk) -> None:
    def converse(channel: grpc.Channel) -> None:
        method = channel.stream_unary("/test.Service/collect")
        bodies = [[bytes(100_000)] * (number + 1) for number in range(50)]
        calls = [method.future(iter(body)) for body in bodies]
        totals = [call.result(timeout=20) for call in calls]
        assert totals == [str(100_000 * (number + 1)).encode() for number in range(50)]

    await talk(converse)


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_requests(talk: Talk, compression: grpc.Compression) -> None:
    def converse(channel: grpc.Channel) -> None:
        method = channel.stream_stream("/test.Service/echo")
        message = b"row " * 300_000
        assert list(method(iter([message, b""]), compression=compression)) == [message, b""]

    await talk(converse)


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = caught.value
    assert isinstance(error, grpc.Call)
    return error.code(), error.details()


async def test_failures_arrive_as_statuses(talk: Talk) -> None:
    def converse(channel: grpc.Channel) -> None:
        unary = channel.unary_unary("/test.Service/unary")
        code, _ = refused(lambda: unary(bytes(1_001)))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        code, _ = refused(lambda: channel.unary_unary("/test.Service/none")(b""))
        assert code is grpc.StatusCode.UNIMPLEMENTED
        hang = channel.unary_unary("/test.Service/hang")
        code, _ = refused(lambda: hang(b"", timeout=0.2))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        code, details = refused(lambda: channel.unary_unary("/test.Service/count")(b"NaN"))
        assert (code, details) == (grpc.StatusCode.INTERNAL, "internal error")

    await talk(converse, limits=GrpcLimits(max_message_bytes=1_000))


async def test_a_refusal_in_the_middle_of_an_upload_keeps_its_status(talk: Talk) -> None:
    def converse(channel: grpc.Channel) -> None:
        def endless() -> Iterator[bytes]:
            while True:
                yield bytes(900_000)

        method = channel.stream_unary("/test.Service/collect")
        code, _ = refused(lambda: method(endless()))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED

    await talk(converse, limits=GrpcLimits(max_message_bytes=800_000))


async def test_a_clients_cancellation_reaches_the_handler(
    run: "Run",
    tls: ssl.SSLContext,
    open_channel: Callable[[str], grpc.Channel],
    *,
    secured: bool,
) -> None:
    def start_and_cancel(address: str) -> None:
        with open_channel(address) as channel:
            call = channel.stream_stream("/test.Service/hang")(iter([]))
            call.initial_metadata()
            call.cancel()
            assert call.cancelled()

    async with run(tls=tls if secured else None) as running:
        await trio.to_thread.run_sync(start_and_cancel, running.address)
        await running.service.cancelled.wait()


async def test_a_stopping_server_delivers_every_acknowledgement(
    run: "Run",
    tls: ssl.SSLContext,
    open_channel: Callable[[str], grpc.Channel],
    *,
    secured: bool,
) -> None:
    stopping, sent_all = trio.Event(), 2_000
    token = trio.lowlevel.current_trio_token()

    def upload(address: str) -> int:
        def rows() -> Iterator[bytes]:
            for number in range(sent_all):
                if number == sent_all // 2:
                    token.run_sync_soon(stopping.set)
                yield str(number).encode()

        with open_channel(address) as channel:
            return len(list(channel.stream_stream("/test.Service/echo")(rows())))

    acknowledged = 0

    async def run_upload(address: str) -> None:
        nonlocal acknowledged
        acknowledged = await trio.to_thread.run_sync(upload, address)

    async with run(tls=tls if secured else None) as running, trio.open_nursery() as nursery:
        nursery.start_soon(run_upload, running.address)
        await stopping.wait()
        await running.server.stop(grace_seconds=20)
    assert acknowledged == sent_all


async def test_calls_past_the_grace_period_end_as_unavailable(
    run: "Run",
    tls: ssl.SSLContext,
    open_channel: Callable[[str], grpc.Channel],
    *,
    secured: bool,
) -> None:
    answers: list[tuple[grpc.StatusCode, str]] = []
    started = trio.Event()

    def hang(address: str) -> None:
        with open_channel(address) as channel:
            call = channel.stream_stream("/test.Service/hang")(iter([]))
            call.initial_metadata()
            trio.from_thread.run_sync(started.set)
            answers.append((call.code(), call.details()))

    async with run(tls=tls if secured else None) as running, trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, hang, running.address)
        await started.wait()
        await running.server.stop(grace_seconds=0)
        assert running.service.cancelled.is_set()
    assert answers == [(grpc.StatusCode.UNAVAILABLE, "the server is shutting down")]
