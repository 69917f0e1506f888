"""``WatchTask``, by a clock that jumps."""

from typing import cast

import pytest
import trio
from trio.testing import MockClock

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.queries import ExportQueries
from rowferry.export.task_commands import TaskCommands
from rowferry.status.grpc_query import MAX_WATCH_INTERVAL_MS, GrpcQueryDoor
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.grpc_stream import CallStream
from tests.unit.status.progress_stage import Stage, pass_time


class Queries:
    """Every task is there."""

    async def status(self, _client: str, _task_id: str) -> None:
        await trio.lowlevel.checkpoint()


class Call:
    """A call of one request, whose client reads at once."""

    def __init__(self, request: pb.WatchTaskRequest) -> None:
        self._request = request
        self.sent: list[pb.TaskStatus] = []

    async def recv_message(self) -> pb.WatchTaskRequest:
        await trio.lowlevel.checkpoint()
        return self._request

    async def send_message(self, message: pb.TaskStatus) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(message)


async def test_task_that_is_forgotten_as_it_is_asked_for_is_not_waited_for(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    door = GrpcQueryDoor(cast("ExportQueries", Queries()), cast("TaskCommands", None), stage.hub)
    call = Call(pb.WatchTaskRequest(task_id="0190a0b0c0d07000800000000000000f"))
    async with stage.running():
        with trio.fail_after(60), pytest.raises(RowferryError) as refusal:
            await door.watch_task("shop", cast("CallStream", call), lambda: None)
    assert refusal.value.code is ErrorCode.NOT_FOUND


async def test_watcher_that_asks_for_long_pauses_is_told_of_the_end(
    autojump_clock: MockClock,
) -> None:
    stage = Stage()
    live = await stage.live()
    door = GrpcQueryDoor(cast("ExportQueries", Queries()), cast("TaskCommands", None), stage.hub)
    call = Call(pb.WatchTaskRequest(task_id=live.task.id, min_interval_ms=2**31 - 1))
    async with stage.running(), trio.open_nursery() as nursery:
        nursery.start_soon(door.watch_task, "shop", cast("CallStream", call), lambda: None)
        for rows in range(1, 200):
            live.rows_read(rows, 0)
            await pass_time(1)
        await stage.end(live)
        ended_at = trio.current_time()
    assert call.sent[-1].status == pb.COMPLETED
    assert trio.current_time() - ended_at <= MAX_WATCH_INTERVAL_MS / 1000 + 1
    assert len(call.sent) <= 10
