"""A storage that fails for a moment costs nothing but time."""

import pytest
from trio.testing import MockClock

from rowferry.domain import events as event_kinds
from rowferry.domain.storage_fault import FaultKind
from rowferry.domain.task import TaskState
from rowferry.export.part_upload import PAUSE_SECONDS
from tests.unit.export.in_memory import EventNotes, Gate, Site, numbered
from tests.unit.export.uploads.failing_storage import AWAY, FailingStorage
from tests.unit.export.uploads.whole_objects import HALF, ROWS, MakeSite, MakeSpec, until, whole


@pytest.mark.parametrize("call", ["start", "put_part", "complete", "head"])
async def test_call_that_fails_for_a_moment_is_made_again(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, call: str, events: EventNotes
) -> None:
    bucket.plan.fail(call, AWAY, AWAY)
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert await whole(site, bucket, task)
    assert task.attempt == 1
    assert {event.call for event in events.of(event_kinds.StorageCallRetried)} == {call}


@pytest.mark.parametrize("call", ["put_part", "complete", "start"])
async def test_call_whose_answer_is_lost_does_no_harm(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, call: str
) -> None:
    bucket.plan.fail(call, AWAY, after=True)
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert task.state is TaskState.COMPLETED
    assert bucket.content(task.object_key).count(b"\n") == len(ROWS) + 1
    # an upload whose start was not heard of is found by the sweep
    assert len(bucket.under_way()) == (1 if call == "start" else 0)


async def test_answer_to_put_that_is_lost_does_no_harm(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    bucket.plan.fail("put", FaultKind.ALREADY_THERE, after=True)
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS[:3]))
    assert task.state is TaskState.COMPLETED


async def test_parts_that_the_storage_lost_are_sent_again(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    gate = bucket.plan.gates["complete"] = Gate()
    gate.close()
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await gate.reached()
        bucket.parts.lose(2)
        bucket.parts.lose(5)
        gate.open()
        task = await site.ended(live)
    assert await whole(site, bucket, task)
    assert sorted(n for n in bucket.parts.sent if bucket.parts.sent.count(n) == 2) == [2, 2, 5, 5]


async def test_storage_that_loses_parts_for_ever_fails_the_attempt(
    make_bucket_site: MakeSite, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    site = make_bucket_site(retry={"max_attempts": 1})
    bucket.plan.fail("complete", *[FaultKind.PART_LOST] * 3)
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert (task.state, task.error_code) == (TaskState.FAILED, "UPLOAD_FAILED")
    assert (bucket.keys(), bucket.under_way(), site.temporary_files()) == ([], [], [])


async def test_storage_that_is_away_while_rows_come_is_waited_for(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    bucket.plan.away = True
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS[:HALF]]))
            for _ in range(10):
                mock_clock.jump(PAUSE_SECONDS)
                await site.settled()
            bucket.plan.away = False
            await until(site, mock_clock, lambda: bool(bucket.parts.sent))
            await session.append(numbered([ROWS[HALF:]], 2))
            await session.end(0)
        task = await site.ended(session.live)
    assert await whole(site, bucket, task)
    assert task.attempt == 1


@pytest.mark.parametrize("kind", [FaultKind.TOKEN_EXPIRED, FaultKind.CLOCK_SKEWED])
async def test_expired_token_and_skewed_clock_are_worth_one_more_try(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, kind: FaultKind, events: EventNotes
) -> None:
    bucket.plan.fail("put", kind)
    async with site.running():
        once = await site.ended(await site.push(make_spec(), ROWS[:3]))
        bucket.plan.fail("put", kind, kind)
        twice = await site.push(make_spec("other"), ROWS[:3])
        await twice.changed.wait_for(lambda: twice.task.error_code == "STORAGE_UNAVAILABLE")
    assert (once.state, once.attempt) == (TaskState.COMPLETED, 1)
    alerts = {alert.kind for alert in events.of(event_kinds.StorageAlert)}
    assert alerts == ({kind} if kind is FaultKind.CLOCK_SKEWED else set())
