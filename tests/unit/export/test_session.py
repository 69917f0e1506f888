"""Rows of a connection reach the log, or the connection is told why not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.composition import Adapters
from rowferry.config import Config
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import BatchReceived, StreamError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import TaskState
from rowferry.export.session import PushSession, stream_lost
from rowferry.ports import BatchMessage
from rowferry.spool.core_log import CoreLog
from rowferry.spool.memory import MemorySpool
from rowferry.spool.room import SpoolLimits
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Gate, Site

MakeSpec = Callable[..., ExportSpec]
Encode = Callable[..., list[BatchMessage]]
ROWS: list[Row] = [("1", "a"), ("2", "b")]
WIDE: list[Row] = [("1", "a", "too much")]

MEBIBYTE: list[Row] = [("1", "x" * 1_100_000)]


async def _second_session(site: Site, first: PushSession) -> PushSession:
    admission = await site.exports.intake.resume("shop", first.live.task.id)
    assert admission.session is not None
    return admission.session


async def test_appended_rows_are_counted_and_announced(
    site: Site, make_spec: MakeSpec, encode: Encode, events: EventNotes
) -> None:
    with await site.open(make_spec()) as session:
        done = await session.append(encode([ROWS, ROWS]))
    assert (done.last_sequence, done.rows) == (2, 4)
    assert session.live.snapshot().rows_received == 4
    (received,) = events.of(BatchReceived)
    assert (received.batches, received.rows, received.batch_sequence) == (2, 4, 2)


async def test_refusal_is_in_the_answer_with_what_was_kept(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    with await site.open(make_spec()) as session:
        done = await session.append(encode([ROWS, WIDE, ROWS]))
    assert done.refused is not None
    assert done.refused.code is ErrorCode.INVALID_ROW
    assert (done.last_sequence, session.live.rows_received) == (1, 2)


async def test_end_with_another_number_of_rows_keeps_the_task_open(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    with await site.open(make_spec()) as session:
        await session.append(encode([ROWS]))
        with pytest.raises(RowferryError) as caught:
            await session.end(3)
        assert caught.value.code is ErrorCode.ROW_COUNT_MISMATCH
        assert not session.live.rows_ended
        await session.append(encode([[("3", "c")]], start=2))
        await session.end(3)
    assert session.live.rows_ended


async def test_task_waits_in_line_while_its_client_is_there(
    site: Site, make_spec: MakeSpec
) -> None:
    session = await site.open(make_spec())
    assert len(site.adapters.queue) == 0
    with session:
        assert len(site.adapters.queue) == 1
    assert len(site.adapters.queue) == 0


async def test_task_stays_in_line_when_its_rows_have_ended(
    site: Site, make_spec: MakeSpec
) -> None:
    await site.push(make_spec(), ROWS)
    assert len(site.adapters.queue) == 1


async def test_newest_connection_wins(site: Site, make_spec: MakeSpec, encode: Encode) -> None:
    first = await site.open(make_spec())
    with first:
        second = await _second_session(site, first)
        with second:
            with first.scope:
                await first.append(encode([ROWS]))
            assert first.scope.cancelled_caught
            await second.append(encode([ROWS]))
        assert second.live.connection is None
        assert not second.scope.cancel_called
    assert second.live.rows_received == 2


async def test_older_connection_that_leaves_does_not_disturb_the_newest(
    site: Site, make_spec: MakeSpec
) -> None:
    first = await site.open(make_spec())
    first.__enter__()
    with await _second_session(site, first) as second:
        first.broke(stream_lost())
        first.__exit__(None, None, None)
        assert second.live.connection is second.scope
        assert second.live.alone_since is None
        assert second.live.stream_failure is None
        assert len(site.adapters.queue) == 1


async def test_newest_connection_waits_for_what_the_older_one_is_appending(
    site: Site, make_spec: MakeSpec, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await site.open(make_spec())
    gate = site.writers.gate  # any gate for threads will do
    gate.close()
    append = type(first.live.log).append

    def slow_append(log: object, messages: list[BatchMessage]) -> object:
        gate.pass_through()
        return append(log, messages)  # type: ignore[arg-type]

    monkeypatch.setattr(type(first.live.log), "append", slow_append)
    seen: list[int] = []
    async with trio.open_nursery() as nursery:

        async def older() -> None:
            with first, first.scope:
                await first.append(encode([ROWS], start=0))

        async def newer() -> None:
            with await _second_session(site, first) as second:
                task, next_sequence = await second.settled()
                seen.extend((task.rows_received, next_sequence))

        nursery.start_soon(older)
        await gate.reached()
        nursery.start_soon(newer)
        await wait_all_tasks_blocked()
        assert seen == []
        gate.open()
    assert seen == [2, 2]


async def test_broken_connection_is_noted_with_its_reason(
    site: Site, make_spec: MakeSpec, encode: Encode, events: EventNotes
) -> None:
    error = RowferryError(ErrorCode.INVALID_ROW, "No.")
    with await site.open(make_spec()) as session:
        await session.append(encode([ROWS]))
        session.broke(error)
    assert repr(session.live.stream_failure) == repr(error)
    (noted,) = events.of(StreamError)
    assert (noted.error_code, noted.rows_received) == ("INVALID_ROW", 2)


async def test_reason_is_kept_without_the_calls_that_it_came_through(
    site: Site, make_spec: MakeSpec
) -> None:
    """Its traceback would hold the connection, its messages and buffers, as long as the task."""
    error = RowferryError(ErrorCode.INVALID_ROW, "No.")
    with await site.open(make_spec()) as session:
        with pytest.raises(RowferryError):
            raise error from ValueError("the cause")
        session.broke(error)
    kept = session.live.stream_failure
    assert kept is not None
    assert (kept.__traceback__, kept.__cause__, kept.__context__) == (None, None, None)


async def test_new_connection_forgives_the_failure_of_the_last_one(
    site: Site, make_spec: MakeSpec
) -> None:
    with await site.open(make_spec()) as first:
        first.broke(RowferryError(ErrorCode.INVALID_ROW, "No."))
    with await _second_session(site, first) as second:
        assert second.live.stream_failure is None


async def test_connection_that_breaks_behind_the_end_of_rows_broke_nothing(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    with await site.open(make_spec()) as session:
        await session.end(0)
        session.broke(stream_lost())
    assert session.live.stream_failure is None
    assert events.of(StreamError) == []


async def test_waiting_task_takes_any_amount_to_disk(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    with await site.open(make_spec()) as session:
        await session.append(encode([MEBIBYTE, MEBIBYTE]))
        assert not session.must_pause


async def test_door_pauses_while_the_writer_lags_and_goes_on_when_it_caught_up(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    site.writers.gate.close()
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(encode([MEBIBYTE]))
            await site.writers.gate.reached()
            await session.append(encode([MEBIBYTE], start=2))
            assert session.must_pause
            async with trio.open_nursery() as nursery:
                nursery.start_soon(session.wait_for_room)
                await wait_all_tasks_blocked()
                assert nursery.child_tasks
                site.writers.gate.open()
            assert not session.must_pause
            await session.end(2)
        assert (await site.ended(session.live)).state is TaskState.COMPLETED


async def test_rows_for_a_task_that_has_ended_wait_for_the_end_of_their_connection(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    with await site.open(make_spec()) as session:
        async with trio.open_nursery() as nursery:
            await session.live.log_lock.acquire()
            nursery.start_soon(site.exports.commands.cancel, "shop", session.live.task.id, "")
            await wait_all_tasks_blocked()
            session.live.log_lock.release()
            with session.scope:
                await session.append(encode([ROWS]))
    assert session.scope.cancelled_caught
    assert site.remains() == []


async def test_rows_that_come_while_a_cancelled_run_ends_are_not_kept(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    site.writers.gate.close()
    async with site.running() as nursery:
        with await site.open(make_spec()) as session, session.scope:
            live = session.live
            await session.append(encode([ROWS]))
            await site.writers.gate.reached()
            nursery.start_soon(site.exports.commands.cancel, "shop", live.task.id, "")
            await live.changed.wait_for(lambda: live.task.is_final)
            nursery.start_soon(_open_when_all_wait, site)
            await session.append(encode([ROWS], start=2))
        assert session.scope.cancelled_caught
        assert live.rows_received == 2
        await live.ended.wait()
        assert site.remains() == []


async def _open_when_all_wait(site: Site) -> None:
    await wait_all_tasks_blocked()
    site.writers.gate.open()


# What a spool promises beyond a crash of the process.


@pytest.fixture
def synced_site(
    config: Config, adapters: Adapters, events: EventNotes, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """A site whose spool promises that what is acknowledged survives a loss of power."""
    spool = MemorySpool(SpoolLimits(fsync=True))
    gate = Gate()
    sync = CoreLog.sync

    def slow_sync(log: CoreLog) -> None:
        gate.pass_through()
        sync(log)

    monkeypatch.setattr(CoreLog, "sync", slow_sync)
    monkeypatch.setattr(CoreLog, "gate", gate, raising=False)
    return Site(config, replace(adapters, spool=spool), events)


def _sync_gate(session: PushSession) -> Gate:
    gate = session.live.log.gate  # type: ignore[attr-defined]
    assert isinstance(gate, Gate)
    return gate


async def test_sync_covers_all_that_was_appended_before(
    synced_site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    with await synced_site.open(make_spec()) as session:
        await session.append(encode([ROWS]))
        await session.append(encode([ROWS], start=2))
        assert session.live.log.unsynced
        await session.sync()
        assert not session.live.log.unsynced


async def test_rows_are_appended_while_a_sync_runs(
    synced_site: Site, make_spec: MakeSpec, encode: Encode, nursery: trio.Nursery
) -> None:
    with await synced_site.open(make_spec()) as session:
        await session.append(encode([ROWS]))
        gate = _sync_gate(session)
        gate.close()
        nursery.start_soon(session.sync)
        await gate.reached()
        done = await session.append(encode([ROWS], start=2))
        assert done.rows == 4
        gate.open()


async def test_what_a_resumed_stream_is_told_is_synced_before(
    synced_site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    with await synced_site.open(make_spec()) as first:
        await first.append(encode([ROWS]))
    with await _second_session(synced_site, first) as second:
        task, next_sequence = await second.settled()
        assert (task.rows_received, next_sequence) == (2, 2)
        assert not second.live.log.unsynced


async def test_end_of_rows_is_synced_before_the_task_goes_on_alone(
    synced_site: Site, make_spec: MakeSpec, encode: Encode, nursery: trio.Nursery
) -> None:
    with await synced_site.open(make_spec()) as session:
        await session.append(encode([ROWS]))
        gate = _sync_gate(session)
        gate.close()
        nursery.start_soon(session.end, 2)
        await gate.reached()
        assert not session.live.rows_ended
        gate.open()
        await session.live.changed.wait_for(lambda: session.live.rows_ended)
        assert not session.live.log.unsynced


async def test_rows_past_the_bound_of_one_task_fail_it_for_good(
    config: Config,
    adapters: Adapters,
    events: EventNotes,
    make_spec: MakeSpec,
    encode: Encode,
) -> None:
    spool = MemorySpool(SpoolLimits(max_bytes_per_task=1 << 20))
    site = Site(config, replace(adapters, spool=spool), events)
    session = await site.open(make_spec())
    with session, session.scope:
        await session.append(encode([ROWS, MEBIBYTE]))
        raise AssertionError
    task = await site.ended(session.live)
    assert (task.state, task.error_code) == (TaskState.FAILED, "TOO_LARGE")
    assert task.error_context == {"limit": str(1 << 20)}
    assert site.remains() == []


async def test_rows_past_the_bound_of_all_tasks_are_refused_and_come_again(
    config: Config,
    adapters: Adapters,
    events: EventNotes,
    make_spec: MakeSpec,
    encode: Encode,
) -> None:
    spool = MemorySpool(SpoolLimits(max_bytes=2 << 20))
    site = Site(config, replace(adapters, spool=spool), events)
    other = await site.open(make_spec("another"))
    await other.append(encode([MEBIBYTE]))
    with await site.open(make_spec()) as session:
        done = await session.append(encode([ROWS]))
        refused = (await session.append(encode([MEBIBYTE], start=2))).refused
        assert refused is not None
        assert refused.code is ErrorCode.DISK_FULL
        assert (done.rows, session.live.rows_received) == (2, 2)
    spool.delete(other.live.task.id)
    with await _second_session(site, session) as again:
        assert (await again.append(encode([MEBIBYTE], start=2))).refused is None
