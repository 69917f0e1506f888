"""A disk that hangs holds up neither the event loop, nor a limiter, nor who waits for it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task, TaskState
from rowferry.export import disk_threads
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.session import PushSession
from rowferry.ports import BatchMessage
from rowferry.spool.core_log import CoreLog
from rowferry.spool.disk import DiskSpool
from tests.record_batches import Row
from tests.unit.export.in_memory import CLIENT, Gate, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
Encode = Callable[..., list[BatchMessage]]
TIMEOUT_SECONDS = 60
ROWS: list[Row] = [("1", "a"), ("2", "b")]


@pytest.fixture
def gate() -> Gate:
    gate = Gate()
    gate.close()
    return gate


@pytest.fixture
async def threads() -> DiskThreads:
    return DiskThreads(trio.CapacityLimiter(1), TIMEOUT_SECONDS)


async def _failure(threads: DiskThreads, work: Callable[[], object]) -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await threads.run_sync(work)
    return caught.value


async def _given_up(threads: DiskThreads, gate: Gate, clock: MockClock) -> RowferryError:
    """Let a call hang at the gate until nobody waits for it any more."""
    failures: list[RowferryError] = []

    async def call() -> None:
        failures.append(await _failure(threads, gate.pass_through))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await gate.reached()
        clock.jump(TIMEOUT_SECONDS)
    return failures[0]


async def _all_returned(threads: DiskThreads) -> None:
    while threads.stuck:
        await trio.lowlevel.checkpoint()


async def test_call_that_returns_gives_its_result(threads: DiskThreads) -> None:
    assert await threads.run_sync(int, "12") == 12
    assert threads.stuck == 0


async def test_call_that_fails_raises_its_own_error(threads: DiskThreads) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await threads.run_sync(int, "twelve")


async def test_call_that_hangs_is_given_up_in_time(
    threads: DiskThreads, gate: Gate, mock_clock: MockClock
) -> None:
    failure = await _given_up(threads, gate, mock_clock)
    assert failure.code is ErrorCode.WRITE_FAILED
    assert failure.context == {"write_timeout_seconds": str(TIMEOUT_SECONDS)}
    assert threads.stuck == 1
    assert threads.hold(gate)
    gate.open()
    await _all_returned(threads)
    assert not threads.hold(gate)


async def test_call_that_hangs_leaves_its_place_to_others(
    threads: DiskThreads, gate: Gate, mock_clock: MockClock
) -> None:
    await _given_up(threads, gate, mock_clock)
    assert await threads.run_sync(int, "12") == 12
    gate.open()


async def test_too_many_hanging_calls_let_no_other_begin(
    threads: DiskThreads, gate: Gate, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_threads, "MOST_STUCK", 1)
    await _given_up(threads, gate, mock_clock)
    begun: list[bool] = []
    assert (await _failure(threads, lambda: begun.append(True))).code is ErrorCode.WRITE_FAILED
    assert begun == []
    gate.open()
    await _all_returned(threads)
    await threads.run_sync(begun.append, True)  # noqa: FBT003
    assert begun == [True]


async def test_cancellation_waits_for_a_call_that_answers(
    threads: DiskThreads, gate: Gate
) -> None:
    done: list[bool] = []

    def work() -> None:
        gate.pass_through()
        done.append(True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(threads.run_sync, work)
        await gate.reached()
        nursery.cancel_scope.cancel()
        await _opened_later(gate)
    assert done == [True]


async def _opened_later(gate: Gate) -> None:
    with trio.CancelScope(shield=True):
        await wait_all_tasks_blocked()
        gate.open()


async def test_without_a_timeout_a_call_may_take_any_time(
    gate: Gate, mock_clock: MockClock
) -> None:
    threads = DiskThreads(trio.CapacityLimiter(1), 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(threads.run_sync, gate.pass_through)
        await gate.reached()
        mock_clock.jump(1e9)
        await wait_all_tasks_blocked()
        gate.open()
    assert threads.stuck == 0


# What an export makes of it.


@pytest.fixture
def impatient_site(make_site: MakeSite) -> Site:
    return make_site(performance={"write_timeout_seconds": TIMEOUT_SECONDS})


@pytest.fixture
def slow_appends(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Hold up every append, at the gate, before it writes."""
    append = CoreLog.append

    def slow_append(log: CoreLog, messages: list[BatchMessage]) -> object:
        gate.pass_through()
        return append(log, messages)

    monkeypatch.setattr(CoreLog, "append", slow_append)
    return gate


async def _append_and_give_up(
    session: PushSession, batches: list[BatchMessage], gate: Gate, clock: MockClock
) -> None:
    codes: list[ErrorCode] = []

    async def append() -> None:
        with session, pytest.raises(RowferryError) as caught:
            await session.append(batches)
        codes.append(caught.value.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(append)
        await gate.reached()
        clock.jump(TIMEOUT_SECONDS)
    assert codes == [ErrorCode.WRITE_FAILED]


async def _resumed(site: Site, before: PushSession) -> PushSession:
    admission = await site.exports.intake.resume(CLIENT, before.live.task.id)
    assert admission.session is not None
    return admission.session


async def _settled(session: PushSession) -> tuple[Task, int]:
    """Ask until nothing hangs any more."""
    while True:
        try:
            return await session.settled()
        except RowferryError:
            await trio.lowlevel.checkpoint()


async def test_nobody_is_told_what_a_log_has_while_a_write_of_it_hangs(
    impatient_site: Site,
    make_spec: MakeSpec,
    encode: Encode,
    slow_appends: Gate,
    mock_clock: MockClock,
) -> None:
    first = await impatient_site.open(make_spec())
    await _append_and_give_up(first, encode([ROWS]), slow_appends, mock_clock)
    with await _resumed(impatient_site, first) as second:
        for call in (second.settled, lambda: second.append(encode([ROWS])), lambda: second.end(0)):
            with pytest.raises(RowferryError) as caught:
                await call()
            assert caught.value.code is ErrorCode.WRITE_FAILED
    slow_appends.open()


async def test_write_that_comes_through_late_is_neither_lost_nor_doubled(
    impatient_site: Site,
    make_spec: MakeSpec,
    encode: Encode,
    slow_appends: Gate,
    mock_clock: MockClock,
) -> None:
    first = await impatient_site.open(make_spec())
    await _append_and_give_up(first, encode([ROWS]), slow_appends, mock_clock)
    assert first.live.rows_received == 0
    slow_appends.open()
    with await _resumed(impatient_site, first) as second:
        task, next_sequence = await _settled(second)
        assert (task.rows_received, next_sequence) == (2, 2)
        again = await second.append(encode([ROWS, ROWS]))
        assert (again.duplicates, again.rows) == (1, 4)


async def test_task_with_a_write_that_hangs_is_cancelled_like_any_other(
    impatient_site: Site,
    make_spec: MakeSpec,
    encode: Encode,
    slow_appends: Gate,
    mock_clock: MockClock,
    tmp_path: Path,
) -> None:
    adapters = replace(impatient_site.adapters, spool=DiskSpool(tmp_path / "spool"))
    site = Site(impatient_site.config, adapters, impatient_site.events)
    session = await site.open(make_spec())
    await _append_and_give_up(session, encode([ROWS]), slow_appends, mock_clock)
    view = await site.exports.commands.cancel(CLIENT, session.live.task.id, "")
    assert view.task.state is TaskState.CANCELLED
    assert site.remains() == []
    slow_appends.open()


async def test_file_whose_disk_hangs_fails_and_leaves_slot_and_threads_to_others(
    impatient_site: Site, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    site = impatient_site
    hangs = site.writers.gate
    hangs.close()
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await hangs.reached()
        mock_clock.jump(TIMEOUT_SECONDS)
        await live.changed.wait_for(lambda: live.task.state is TaskState.FAILED)
        assert live.task.error_code == "WRITE_FAILED"
        site.writers.gate = Gate()  # the other disk is well
        other = await site.push(make_spec("another"), ROWS)
        assert (await site.ended(other)).state is TaskState.COMPLETED
        hangs.open()
