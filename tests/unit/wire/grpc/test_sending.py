"""Replies: the peer's windows, slow readers, and knowing beforehand."""

from typing import TYPE_CHECKING

import pytest
import trio
from grpclib.exceptions import StreamTerminatedError
from h2.events import DataReceived, ResponseReceived
from h2.settings import SettingCodes
from structlog.testing import capture_logs
from trio.testing import lockstep_stream_pair, wait_all_tasks_blocked

from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_server import GrpcServer
from rowferry.wire.grpc_stream import CallStream

if TYPE_CHECKING:
    from tests.unit.wire.grpc.conftest import Connect


async def test_a_reply_larger_than_the_window_goes_out_as_the_client_reads(
    connect: "Connect",
) -> None:
    async def handler(stream: CallStream) -> None:
        await stream.send_message(b"x" * 1_000_000)

    _, client = await connect(handler)
    reply = await client.reply(await client.call(b""))
    assert [len(message) for message in reply.messages] == [1_000_000]


async def test_a_handler_learns_that_its_client_does_not_read(connect: "Connect") -> None:
    acknowledged: list[int] = []
    writable_again = trio.Event()

    async def handler(stream: CallStream) -> None:
        while not stream.send_would_block(1_000):
            await stream.send_message(b"a" * 1_000)
            acknowledged.append(1)
        await stream.wait_writable(1_000)
        writable_again.set()

    _, client = await connect(handler)
    stream_id = await client.call(b"", end=False)
    await wait_all_tasks_blocked()
    assert len(acknowledged) == 65_535 // 1_005
    assert not writable_again.is_set()
    reply = await client.reply(stream_id)
    assert writable_again.is_set()
    assert len(reply.messages) == len(acknowledged)


async def test_larger_windows_announced_later_count(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.send_message(b"x" * 100_000)

    _, client = await connect(handler)
    client.h2.increment_flow_control_window(100_000)
    stream_id = await client.call(b"", end=False)
    received = 0
    while received < 65_535:
        received += len((await client.next_event(DataReceived)).data)
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 200_000})
    await client.flush()
    while received < 100_005:
        received += len((await client.next_event(DataReceived)).data)
    assert stream_id == 1


async def test_waiting_to_write_on_a_closed_stream_is_an_error(connect: "Connect") -> None:
    async def handler(stream: CallStream) -> None:
        await stream.send_trailing_metadata()
        with pytest.raises(StreamTerminatedError):
            await stream.wait_writable()
        with pytest.raises(StreamTerminatedError):
            await stream.send_message(b"late")

    _, client = await connect(handler)
    assert (await client.reply(await client.call(b""))).status == 0


async def test_a_handler_that_waits_for_a_gone_client_is_cancelled(connect: "Connect") -> None:
    cancelled = trio.Event()

    async def handler(stream: CallStream) -> None:
        try:
            await stream.send_message(b"x" * 1_000_000)
        except trio.Cancelled:
            cancelled.set()
            raise

    _, client = await connect(handler)
    stream_id = await client.call(b"", end=False)
    await client.next_event(ResponseReceived)
    client.h2.reset_stream(stream_id)
    await client.flush()
    await cancelled.wait()


async def test_a_peer_that_never_reads_is_dropped(
    nursery: trio.Nursery, autojump_clock: object
) -> None:
    client_end, server_end = lockstep_stream_pair()
    server = GrpcServer([], limits=GrpcLimits(write_timeout_seconds=7))
    started = trio.current_time()
    with capture_logs() as logs:
        await server.serve_stream(server_end)
    assert trio.current_time() - started == pytest.approx(7)
    assert [entry["event"] for entry in logs] == ["GrpcPeerReadsNothing"]
    await client_end.aclose()
