"""Silent tasks give their slot back, and come back ahead of the line."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import FileCreated, FileFinalized, TaskParked, TaskStarted
from rowferry.domain.spec import ExportSpec, Format
from rowferry.domain.task import TaskState
from rowferry.export.parking import PARKED_PER_SLOT, SILENCE_SECONDS, Parking
from rowferry.export.session import PushSession, stream_lost
from rowferry.export.slots import Slots, take_slot
from rowferry.ports import BatchMessage
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
Encode = Callable[..., list[BatchMessage]]
FIRST: list[Row] = [("1", "a"), ("2", "b")]
SECOND: list[Row] = [("3", "c")]


async def _fall_silent(site: Site, session: PushSession, encode: Encode) -> None:
    """Send a batch, and nothing until the writer has it."""
    await session.append(encode([FIRST]))
    await site.settled()


async def _go_on(session: PushSession, encode: Encode) -> None:
    await session.append(encode([SECOND], start=2))
    await session.end(3)


async def test_silent_task_keeps_its_slot_for_five_seconds(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec("silent")) as silent:
            await _fall_silent(site, silent, encode)
            waiting = await site.push(make_spec("waiting"), FIRST)
            mock_clock.jump(SILENCE_SECONDS - 0.1)
            await site.settled()
            assert waiting.task.state is TaskState.QUEUED
            mock_clock.jump(0.1)
            assert (await site.ended(waiting)).state is TaskState.COMPLETED


async def test_task_whose_stream_broke_keeps_its_slot_for_no_second(
    site: Site, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec("broken")) as broken:
            await _fall_silent(site, broken, encode)
            waiting = await site.push(make_spec("waiting"), FIRST)
            await site.settled()
            assert waiting.task.state is TaskState.QUEUED
            broken.broke(stream_lost())
            assert (await site.ended(waiting)).state is TaskState.COMPLETED
        assert mock_clock.current_time() == 0


async def test_parked_task_keeps_state_and_writer(
    site: Site,
    make_spec: MakeSpec,
    encode: Encode,
    mock_clock: MockClock,
    events: EventNotes,
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await _fall_silent(site, session, encode)
            mock_clock.jump(SILENCE_SECONDS)
            await events.wait_for(TaskParked)
            assert session.live.task.state is TaskState.PROCESSING
            await _go_on(session, encode)
        task = await site.ended(session.live)
    assert (task.state, task.rows_written, task.attempt) == (TaskState.COMPLETED, 3, 1)
    assert len(events.of(FileCreated)) == 1
    assert events.of(TaskParked)[0].rows_written == 2


async def test_rows_put_a_parked_task_ahead_of_the_line(
    site: Site,
    make_spec: MakeSpec,
    encode: Encode,
    mock_clock: MockClock,
    events: EventNotes,
) -> None:
    async with site.running():
        with await site.open(make_spec("silent")) as silent:
            await _fall_silent(site, silent, encode)
            mock_clock.jump(SILENCE_SECONDS)
            await events.wait_for(TaskParked)
            site.writers.gate.close()
            await site.push(make_spec("busy"), FIRST)
            await site.writers.gate.reached()
            last = await site.push(make_spec("waits longer"), FIRST)
            await _go_on(silent, encode)
            await wait_all_tasks_blocked()
            site.writers.gate.open()
            await last.ended.wait()
    assert [event.request_id for event in events.of(FileFinalized)] == [
        "busy",
        "silent",
        "waits longer",
    ]


async def test_eleventh_stream_is_not_held_up_by_ten_silent_ones(
    make_site: MakeSite, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 10, "task_queue_size": 100})
    async with site.running():
        for number in range(10):
            session = await site.open(make_spec(f"silent {number}"))
            session.__enter__()
        await site.settled()
        assert site.live_tasks.count(TaskState.PROCESSING) == 10
        eleventh = await site.push(make_spec("eleventh"), FIRST)
        mock_clock.jump(SILENCE_SECONDS)
        await events.wait_for(TaskParked, 10)
        await eleventh.ended.wait()
    assert eleventh.task.state is TaskState.COMPLETED


async def test_parked_task_takes_a_place_in_line_while_its_client_is_away(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    async with site.running():
        with await site.open(make_spec()) as first:
            await _fall_silent(site, first, encode)
            first.broke(stream_lost())
            await site.settled()
            assert (first.live.is_parked, site.live_tasks.places_taken()) == (True, 0)
        assert site.live_tasks.places_taken() == 1
        with await site.open(make_spec()) as second:
            assert site.live_tasks.places_taken() == 0
            await _go_on(second, encode)
            await second.live.ended.wait()
    assert not second.live.is_parked


async def test_tasks_whose_clients_went_away_fill_the_line(
    make_site: MakeSite, make_spec: MakeSpec, encode: Encode
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 1, "task_queue_size": 3})
    async with site.running():
        for number in range(4):
            with await site.open(make_spec(f"left {number}")) as session:
                await _fall_silent(site, session, encode)
                session.broke(stream_lost())
                await site.settled()
        with pytest.raises(RowferryError) as refused:
            await site.open(make_spec("one more"))
    assert refused.value.code is ErrorCode.QUEUE_FULL


@pytest.mark.parametrize("file_format", Format)
async def test_longest_silent_task_loses_its_writer_and_makes_the_same_file(
    make_spec: MakeSpec,
    encode: Encode,
    mock_clock: MockClock,
    events: EventNotes,
    make_site: MakeSite,
    file_format: Format,
) -> None:
    site = make_site(concurrency={"task_queue_size": 100})
    places = PARKED_PER_SLOT
    sessions: list[PushSession] = []
    async with site.running():
        for number in range(places + 2):
            session = await site.open(make_spec(f"r{number}", format=file_format))
            sessions.append(session)
            session.__enter__()
            await _fall_silent(site, session, encode)
            mock_clock.jump(SILENCE_SECONDS)
            await events.wait_for(TaskParked, number + 1)
            await site.settled()
        assert sessions[0].live.lag_bytes < 200  # unread since: nothing but the file's header
        for session in sessions:
            await _go_on(session, encode)
            await session.live.ended.wait()
            session.__exit__()
        created = [event.request_id for event in events.of(FileCreated)]
        assert {name for name in created if created.count(name) > 1} == {"r0", "r1"}
        assert len(events.of(TaskStarted)) == places + 2
    tasks = [await site.task(session.live) for session in sessions]
    assert {(task.state, task.rows_written) for task in tasks} == {(TaskState.COMPLETED, 3)}
    assert len({task.sha256 for task in tasks}) == 1


async def test_tasks_that_fall_silent_at_once_keep_as_many_writers_as_there_are_places(
    make_site: MakeSite, make_spec: MakeSpec, mock_clock: MockClock, events: EventNotes
) -> None:
    site = make_site(concurrency={"task_queue_size": 100})
    parking, slots = Parking(1, events), Slots(trio.CapacityLimiter(3))
    kept: list[bool] = []

    async def wait(number: int) -> None:
        live = (await site.open(make_spec(f"r{number}"))).live
        kept.append(await parking.wait(live, await take_slot(slots), lambda: False))

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(wait, number)
        await site.settled()
        mock_clock.jump(SILENCE_SECONDS)
        await site.settled()
        assert (len(parking), kept, slots.in_use) == (1, [False, False], 0)
        nursery.cancel_scope.cancel()
    assert len(parking) == 0


async def test_task_that_ends_while_parked_leaves_nothing(
    site: Site,
    make_spec: MakeSpec,
    encode: Encode,
    mock_clock: MockClock,
    events: EventNotes,
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await _fall_silent(site, session, encode)
            mock_clock.jump(SILENCE_SECONDS)
            await events.wait_for(TaskParked)
            await site.exports.commands.cancel("shop", session.live.task.id, "enough")
        assert site.remains() == []
        following = await site.push(make_spec("next"), FIRST)
        assert (await site.ended(following)).state is TaskState.COMPLETED


async def test_task_without_its_writer_is_cancelled_like_any_other(
    make_site: MakeSite,
    make_spec: MakeSpec,
    encode: Encode,
    mock_clock: MockClock,
    events: EventNotes,
) -> None:
    site = make_site(concurrency={"task_queue_size": 100})
    sessions: list[PushSession] = []
    async with site.running():
        for number in range(PARKED_PER_SLOT + 1):
            session = await site.open(make_spec(f"r{number}"))
            sessions.append(session)
            session.__enter__()
            await _fall_silent(site, session, encode)
            mock_clock.jump(SILENCE_SECONDS)
            await events.wait_for(TaskParked, number + 1)
        for session in sessions:
            await site.exports.commands.cancel("shop", session.live.task.id, "")
        assert site.remains() == []
