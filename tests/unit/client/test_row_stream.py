"""Rows arrive once and in order, whatever becomes of connections."""

import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.client import (
    ConflictError,
    ExportFailedError,
    InvalidRowError,
    LimitedError,
    Progress,
    RowferryError,
    UnreachableError,
)
from rowferry.client.cells import RowShape
from rowferry.client.errors import refusal
from rowferry.client.export import Export
from rowferry.client.packing import PackedRows
from rowferry.client.retries import Retries
from rowferry.client.row_stream import IDLE_SECONDS, WINDOW_BYTES, open_stream
from rowferry.v1 import export_pb2 as pb
from tests.unit.client.scripted_service import Connection, ScriptedService

SHAPE = RowShape(keys=("a",), with_offsets=False)
GONE = refusal("INVALID_STATE", "It has ended.", {"state": "COMPLETED", "task_id": "t"})


@asynccontextmanager
async def exporting(
    service: ScriptedService,
    *,
    wait_seconds: float = math.inf,
    on_progress: Callable[[Progress], None] | None = None,
    shape: RowShape = SHAPE,
) -> AsyncIterator[Export]:
    stream = open_stream(
        service,
        pb.ExportMetadata(request_id="report"),
        retries=Retries(120),
        wait_seconds=wait_seconds,
        on_progress=on_progress,
    )
    async with stream as opened:
        yield Export(opened, shape)


def batches(count: int, size_bytes: int = 10) -> list[PackedRows]:
    return [
        PackedRows(
            encoded=pb.RecordBatch(json_rows=b"%0*d" % (size_bytes, n)).SerializeToString(),
            rows=1,
        )
        for n in range(count)
    ]


async def export(service: ScriptedService, packed: list[PackedRows], **options: Any) -> Any:  # noqa: ANN401
    async with exporting(service, **options) as opened:
        await opened.write_packed(packed)
        return await opened.finish()


@given(
    st.lists(st.builds(Connection, lost_after=st.integers(0, 8), acknowledges=st.booleans())),
    st.integers(0, 30),
)
def test_every_batch_is_kept_once_and_in_order(script: list[Connection], count: int) -> None:
    service = ScriptedService(script)

    async def run() -> None:
        result = await export(service, batches(count))
        assert result.link == "link"

    trio.run(run, clock=MockClock(autojump_threshold=0))
    assert service.rows == [b"%010d" % number for number in range(count)]
    assert service.finished_with == count


async def test_what_is_not_acknowledged_fills_the_window_and_no_more(
    nursery: trio.Nursery,
) -> None:
    service = ScriptedService([Connection(acknowledges=False)])
    size_bytes = WINDOW_BYTES // 8
    nursery.start_soon(export, service, batches(20, size_bytes))
    await wait_all_tasks_blocked()
    assert len(service.batches) == 8
    nursery.cancel_scope.cancel()


async def test_many_small_batches_fill_the_window_too(nursery: trio.Nursery) -> None:
    service = ScriptedService([Connection(acknowledges=False)])
    nursery.start_soon(export, service, batches(WINDOW_BYTES // 256))
    await wait_all_tasks_blocked()
    assert 0 < len(service.batches) <= WINDOW_BYTES // 512
    nursery.cancel_scope.cancel()


async def test_rows_behind_the_end_are_refused() -> None:
    async with exporting(ScriptedService()) as stream:
        await stream.write([["x"]])
        result = await stream.finish()
        with pytest.raises(RuntimeError, match="have ended"):
            await stream.write([["y"]])
        assert await stream.finish() == result


async def test_a_refusal_in_the_middle_is_raised_where_rows_are_awaited() -> None:
    full = refusal("TOO_LARGE", "It is too much.", {})
    service = ScriptedService([Connection(lost_after=1, lost_with=full)])

    class Endless:
        def __init__(self) -> None:
            self.left = batches(2)

        def __aiter__(self) -> "Endless":
            return self

        async def __anext__(self) -> PackedRows:
            if not self.left:
                await trio.sleep_forever()
            return self.left.pop(0)

    async with exporting(service) as opened:
        with pytest.raises(LimitedError) as caught:
            await opened.write_packed(Endless())
    assert (caught.value.request_id, caught.value.task_id) == ("report", "t")


async def test_a_refused_request_is_raised_at_once() -> None:
    service = ScriptedService([Connection(refused=refusal("INVALID_METADATA", "No.", {}))])
    with pytest.raises(RowferryError, match="No") as caught:
        await export(service, [])
    assert caught.value.request_id == "report"


async def test_the_node_that_has_the_rows_is_gone_to(autojump_clock: MockClock) -> None:
    del autojump_clock
    elsewhere = refusal("WRONG_NODE", "Elsewhere.", {"node_address": "b:9090"})
    service = ScriptedService([Connection(refused=elsewhere)])
    await export(service, batches(1))
    assert service.nodes == ["", "b:9090"]


async def test_a_service_that_stays_away_is_given_up(autojump_clock: MockClock) -> None:
    del autojump_clock
    away = Connection(refused=UnreachableError("Away."))
    with pytest.raises(UnreachableError):
        await export(ScriptedService([away] * 1000), batches(1))
    assert trio.current_time() <= 121


async def test_an_idle_stream_comes_again_only_with_rows(autojump_clock: MockClock) -> None:
    del autojump_clock
    idle = refusal("STREAM_IDLE", "Nothing came.", {})
    service = ScriptedService([Connection(lost_after=0, lost_with=idle), Connection()])
    one, two = batches(2)
    async with exporting(service) as opened:
        await opened.write_packed([one])
        await trio.sleep(1)
        assert len(service.wait_seconds) == 2
        await opened.write_packed([two])
        await opened.finish()
    assert len(service.batches) == 2


async def test_a_wait_that_breaks_asks_for_the_state(autojump_clock: MockClock) -> None:
    del autojump_clock
    service = ScriptedService([Connection(ends_lost=True), Connection(refused=GONE)])
    service.final.oss_url = "the file"
    assert (await export(service, batches(1))).link == "the file"


async def test_a_task_that_failed_meanwhile_is_its_own_failure(autojump_clock: MockClock) -> None:
    del autojump_clock
    service = ScriptedService([Connection(ends_lost=True), Connection(refused=GONE)])
    service.final = pb.TaskStatus(task_id="t", status=pb.FAILED, error_code="ROW_LIMIT")
    with pytest.raises(ExportFailedError) as caught:
        await export(service, batches(1))
    assert caught.value.code == "ROW_LIMIT"


async def test_a_broken_wait_goes_on_with_the_end_of_rows(autojump_clock: MockClock) -> None:
    del autojump_clock
    service = ScriptedService([Connection(ends_lost=True), Connection()])
    told: list[Progress] = []
    result = await export(service, batches(3), on_progress=told.append)
    assert (result.link, told[-1].reconnects) == ("link", 1)
    assert len(service.batches) == 3


async def test_batches_of_an_earlier_try_are_not_sent(autojump_clock: MockClock) -> None:
    del autojump_clock
    service = ScriptedService()
    service.earlier_batches = service.earlier_rows = 2
    await export(service, batches(5))
    assert service.rows == [b"%010d" % number for number in range(2, 5)]
    assert service.finished_with == 5


async def test_rows_of_an_earlier_try_are_skipped() -> None:
    service = ScriptedService()
    service.earlier_batches, service.earlier_rows = 1, 2
    async with exporting(service) as opened:
        await opened.write([["a"], ["b"], ["c"]])
        await opened.finish()
    assert service.rows == [b'[["c"]]']
    assert service.finished_with == 3


@pytest.mark.parametrize("count", [0, 1])
async def test_fewer_rows_than_the_service_has_are_a_conflict(count: int) -> None:
    service = ScriptedService()
    service.earlier_batches, service.earlier_rows = 1, 2
    async with exporting(service) as opened:
        await opened.write([["a"]] * count)
        with pytest.raises(ConflictError, match="ROW_COUNT_MISMATCH"):
            await opened.finish()
    assert service.finished_with is None


async def test_other_batches_than_before_are_a_conflict() -> None:
    service = ScriptedService()
    service.earlier_batches, service.earlier_rows = 1, 2
    async with exporting(service) as opened:
        with pytest.raises(ConflictError, match="IDEMPOTENCY_CONFLICT"):
            await opened.write_packed(batches(1))


async def test_rows_that_fill_no_batch_are_sent_after_a_while(autojump_clock: MockClock) -> None:
    del autojump_clock
    service = ScriptedService()
    async with exporting(service) as opened:
        await opened.write([["a"]])
        await service.batch_came.wait()
        assert trio.current_time() == pytest.approx(IDLE_SECONDS)
        await opened.finish()
    assert service.rows == [b'[["a"]]']


async def test_a_bad_row_names_the_request_and_leaves_the_task_open() -> None:
    service = ScriptedService()
    async with exporting(service) as opened:
        await opened.write([["a"], [object()]])
        with pytest.raises(InvalidRowError) as caught:
            await opened.flush()
    assert (caught.value.request_id, caught.value.task_id) == ("report", "t")
    assert service.finished_with is None


async def test_nothing_follows_a_bad_row_whose_error_was_ignored() -> None:
    service = ScriptedService()
    async with exporting(service) as opened:
        for number in range(200):
            with contextlib.suppress(InvalidRowError):
                await opened.write([[object() if number == 100 else number]])
        with pytest.raises(InvalidRowError) as caught:
            await opened.finish()
    assert caught.value.context["row"] == "101"
    assert service.finished_with is None


async def test_rows_that_came_before_their_source_broke_are_kept() -> None:
    def broken(count: int) -> Iterator[list[int]]:
        yield from ([number] for number in range(count))
        raise ZeroDivisionError

    service = ScriptedService()
    async with exporting(service) as opened:
        for count in (1, 2, 100, 3):
            with pytest.raises(ZeroDivisionError):
                await opened.write(broken(count))
        await opened.finish()
    assert service.finished_with == 106


async def test_rows_of_a_write_that_was_cancelled_are_kept(autojump_clock: MockClock) -> None:
    del autojump_clock
    connections = [Connection(acknowledges=False), Connection()]
    service = ScriptedService(connections)
    rows = iter([["x" * 2**20, number] for number in range(30)])
    async with exporting(service, shape=RowShape(keys=("a", "b"), with_offsets=False)) as opened:
        with trio.move_on_after(5) as scope:
            await opened.write(rows)
        assert scope.cancelled_caught
        service.lose()
        await opened.write(rows)
        await opened.finish()
    sent = [row[1] for batch in service.rows for row in msgspec.json.decode(batch)]
    assert sent == list(range(30))
    assert service.finished_with == 30


async def test_progress_tells_of_rows_and_then_of_the_task(autojump_clock: MockClock) -> None:
    del autojump_clock
    service = ScriptedService([Connection(result_after=1)])
    service.states = [pb.TaskStatus(status=pb.PROCESSING, progress_percent=50)]
    told: list[Progress] = []
    await export(service, batches(2), on_progress=told.append)
    assert [progress.rows_sent for progress in told][:1] == [0]
    task = told[-1].task
    assert task is not None
    assert (task.state, task.percent) == ("processing", 50)


async def test_a_callback_that_fails_ends_the_export() -> None:
    def fail(_: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await export(ScriptedService(), batches(2), on_progress=fail)


async def test_leaving_without_the_end_leaves_the_task_open() -> None:
    service = ScriptedService()
    async with exporting(service) as opened:
        await opened.write([["a"]])
    assert service.finished_with is None


@pytest.mark.parametrize(("asked", "sent"), [(math.inf, 0), (0, -1), (7, 7), (0.5, 1)])
async def test_the_wait_for_the_file_is_the_contracts(asked: float, sent: int) -> None:
    service = ScriptedService()
    await export(service, [], wait_seconds=asked)
    assert service.wait_seconds == [sent]
