"""Messages of a request: sizes, compression, framing, cancellation, admission."""

import gzip
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import trio
from google.protobuf.message import DecodeError
from grpclib.const import Cardinality, Status
from trio.testing import wait_all_tasks_blocked

from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_stream import CallStream

if TYPE_CHECKING:
    from tests.unit.wire.grpc.conftest import Connect

MIB = 1024 * 1024


def prefixed(message: bytes, *, flag: int = 0) -> bytes:
    return bytes([flag]) + len(message).to_bytes(4, "big") + message


async def echo(stream: CallStream) -> None:
    async for message in stream:
        await stream.send_message(message)


async def count(stream: CallStream) -> None:
    received = 0
    async for message in stream:
        received += len(message)
    await stream.send_message(str(received).encode())


async def test_a_message_larger_than_every_window_arrives(connect: "Connect") -> None:
    _, client = await connect(count)
    await client.receive()
    message = prefixed(b"x" * (9 * MIB))
    stream_id = await client.call(message * 2)
    assert (await client.reply(stream_id)).messages == [str(18 * MIB).encode()]


async def test_a_message_over_the_limit_is_refused_by_its_length_alone(
    connect: "Connect",
) -> None:
    _, client = await connect(count, limits=GrpcLimits(max_message_bytes=100))
    stream_id = await client.call(b"\0" + (101).to_bytes(4, "big"), end=False)
    reply = await client.reply(stream_id)
    assert reply.status == Status.RESOURCE_EXHAUSTED.value
    assert reply.trailers["grpc-message"] == "a message may have at most 100 bytes"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_and_plain_messages_mix(connect: "Connect", encoding: str) -> None:
    _, client = await connect(echo)
    large = b"row " * 200_000
    compress = gzip.compress if encoding == "gzip" else zlib.compress
    body = prefixed(compress(large), flag=1)
    await client.receive()
    stream_id = await client.call(body + prefixed(b"plain"), headers={"grpc-encoding": encoding})
    assert (await client.reply(stream_id)).messages == [large, b"plain"]


@pytest.mark.parametrize(
    ("encoding", "data", "status"),
    [
        ("gzip", gzip.compress(b"x" * 1_001), Status.RESOURCE_EXHAUSTED),
        ("gzip", gzip.compress(bytes(50 * MIB)), Status.RESOURCE_EXHAUSTED),
        ("gzip", gzip.compress(b"x" * 500)[:-4], Status.INTERNAL),
        ("gzip", gzip.compress(b"x") + b"more", Status.INTERNAL),
        ("gzip", b"no gzip at all", Status.INTERNAL),
        ("gzip", b"", Status.INTERNAL),
        ("identity", b"x", Status.INTERNAL),
    ],
    ids=["large", "bomb", "cut short", "trailing", "not gzip", "empty", "without encoding"],
)
async def test_a_bad_compressed_message_is_refused(
    connect: "Connect", encoding: str, data: bytes, status: Status
) -> None:
    limits = GrpcLimits(max_message_bytes=100_000 if len(data) > 1_000 else 1_000)
    _, client = await connect(count, limits=limits)
    await client.receive()
    stream_id = await client.call(prefixed(data, flag=1), headers={"grpc-encoding": encoding})
    assert (await client.reply(stream_id)).status == status.value


@pytest.mark.parametrize("body", [b"\0\0\0\0", prefixed(b"abc")[:-1], prefixed(b"", flag=2)])
async def test_a_message_cut_short_or_with_a_false_flag_is_internal(
    connect: "Connect", body: bytes
) -> None:
    _, client = await connect(count)
    assert (await client.reply(await client.call(body))).status == Status.INTERNAL.value


async def test_a_message_the_codec_cannot_parse_is_internal(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        def refuse(data: bytes, message_type: object) -> None:
            raise DecodeError

        stream._codec.decode = refuse  # type: ignore[method-assign]  # noqa: SLF001
        await stream.recv_message()

    _, client = await connect(handler)
    assert (await client.reply(await client.call(prefixed(b"?")))).status == 13


async def test_a_receive_that_is_cancelled_loses_nothing(
    connect: "Connect", autojump_clock: object
) -> None:
    received: list[bytes | None] = []
    attempts = 0

    async def handler(stream: CallStream) -> None:
        nonlocal attempts
        while len(received) < 3:
            attempts += 1
            with trio.move_on_after(1):
                received.append(await stream.recv_message())
        await stream.send_message(b"done")

    _, client = await connect(handler)
    body = prefixed(b"first") + prefixed(b"second")
    stream_id = await client.call(b"", end=False)
    for position in range(len(body)):
        await client.send(stream_id, body[position : position + 1])
        await trio.sleep(2.5)
    await client.send(stream_id, b"", end=True)
    assert (await client.reply(stream_id)).messages == [b"done"]
    assert received == [b"first", b"second", None]
    assert attempts > len(body)


class _Admission:
    """Says yes, and notes what it was asked."""

    def __init__(self) -> None:
        self.here: list[int] = []
        self.to_come: list[tuple[int, int]] = []

    async def admit(self, size_bytes: int) -> None:
        await trio.lowlevel.checkpoint()
        self.here.append(size_bytes)

    async def admit_rest(self, size_bytes: int, arrived_bytes: Callable[[], int]) -> None:
        await trio.lowlevel.checkpoint()
        self.to_come.append((size_bytes, arrived_bytes()))

    def note_progress(self) -> None:
        """Bytes of a message are no progress of their own."""


async def test_admission_is_asked_once_a_message_when_it_is_here(
    connect: "Connect", autojump_clock: object
) -> None:
    admission = _Admission()

    async def handler(stream: CallStream) -> None:
        stream.body_admission = admission
        with trio.move_on_after(1):
            await stream.recv_message()
        assert admission.here == []
        assert [await stream.recv_message(), await stream.recv_message()] == [b"first.", b"2"]

    _, client = await connect(handler)
    stream_id = await client.call(prefixed(b"first.")[:8], end=False)
    await trio.sleep(2)
    await client.send(stream_id, prefixed(b"first.")[8:] + prefixed(b"2"), end=True)
    assert (await client.reply(stream_id)).status == 0
    assert (admission.here, admission.to_come) == ([6, 1], [])


async def test_what_is_more_than_a_connection_may_assemble_is_admitted_before_it_is_here(
    connect: "Connect", autojump_clock: object
) -> None:
    admissions: list[_Admission] = []

    async def handler(stream: CallStream) -> None:
        stream.body_admission = admission = _Admission()
        admissions.append(admission)
        with trio.move_on_after(1):
            await stream.recv_message()
        await stream.recv_message()

    _, client = await connect(handler, limits=GrpcLimits(connection_assembly_bytes=100))
    begun = [await client.call(prefixed(bytes(60))[:20], end=False) for _ in range(3)]
    await trio.sleep(3)
    first, *others = admissions
    assert (first.here, first.to_come) == ([], [])
    assert [other.to_come for other in others] == [[(60, 20)]] * 2
    for stream_id in begun:
        await client.send(stream_id, b"", end=True)
        await client.reply(stream_id)
    await client.reply(await client.call(prefixed(bytes(60))[:20], end=True))
    assert admissions[-1].to_come == []  # the first call gave its room back


async def test_a_handler_sees_whether_a_message_is_there(connect: "Connect") -> None:
    seen: list[bool] = []
    go_on = trio.Event()

    async def handler(stream: CallStream) -> None:
        seen.append(stream.buffered_message_ready())
        await go_on.wait()
        while stream.buffered_message_ready():
            seen.append(True)
            await stream.recv_message()
        seen.append(False)

    _, client = await connect(handler)
    stream_id = await client.call(b"", end=False)
    await wait_all_tasks_blocked()
    await client.send(stream_id, prefixed(b"a") + prefixed(b"") + prefixed(b"bc")[:6])
    await wait_all_tasks_blocked()
    go_on.set()
    await client.reply(stream_id)
    assert seen == [False, True, True, False]


async def test_two_tasks_cannot_receive_from_one_stream(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.recv_message)
            await wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await stream.recv_message()
            nursery.cancel_scope.cancel()

    _, client = await connect(handler)
    assert (await client.reply(await client.call(b"", end=False))).status == 0


async def test_a_stalled_handler_stops_its_client_at_one_window(connect: "Connect") -> None:
    go_on = trio.Event()

    async def handler(stream: CallStream) -> None:
        await go_on.wait()
        await count(stream)

    limits = GrpcLimits(stream_window_bytes=100_000, connection_window_bytes=200_000)
    _, client = await connect(handler, limits=limits)
    await client.receive()
    stream_id = await client.call(b"", end=False)
    body = prefixed(b"x" * 250_000)
    sent = 0
    while room := client.h2.local_flow_control_window(stream_id):
        await client.send(stream_id, body[sent : sent + min(room, 16_384)])
        sent += min(room, 16_384)
        await wait_all_tasks_blocked()
    assert sent == 100_000
    go_on.set()
    await client.send(stream_id, body[sent:], end=True)
    assert (await client.reply(stream_id)).messages == [b"250000"]


async def test_stalled_streams_leave_the_connection_to_their_siblings(
    connect: "Connect",
) -> None:
    async def handler(stream: CallStream) -> None:
        if stream.metadata is not None and "stall" in stream.metadata:
            await trio.sleep_forever()
        await echo(stream)

    limits = GrpcLimits(
        stream_window_bytes=100_000,
        connection_window_bytes=200_000,
        connection_buffer_bytes=500_000,
    )
    _, client = await connect(handler, limits=limits)
    await client.receive()
    for _ in range(5):
        stream_id = await client.call(b"", end=False, headers={"stall": "1"})
        await client.send(stream_id, bytes(100_000))
    reply = await client.reply(await client.call(prefixed(b"status?")))
    assert reply.messages == [b"status?"]


async def test_an_unread_body_is_given_back_to_the_connection(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.recv_message()
        await wait_all_tasks_blocked()

    limits = GrpcLimits(
        stream_window_bytes=100_000,
        connection_window_bytes=100_000,
        connection_buffer_bytes=0,
    )
    _, client = await connect(handler, limits=limits, cardinality=Cardinality.STREAM_STREAM)
    await client.receive()
    for _ in range(20):
        stream_id = await client.call(prefixed(b"x") + bytes(60_000))
        assert (await client.reply(stream_id)).status == 0
