"""A storage that fails for longer ends an attempt; its work is not lost."""

import hashlib
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from rowferry.domain import events as event_kinds
from rowferry.domain.task import TaskState
from rowferry.storage.memory import MemoryStorage
from tests.unit.export.in_memory import EventNotes, Gate, Site, numbered
from tests.unit.export.uploads.failing_storage import AWAY, FailingStorage
from tests.unit.export.uploads.whole_objects import (
    ROWS,
    MakeSite,
    MakeSpec,
    until,
    whole,
)


async def test_file_that_could_not_be_stored_is_not_written_again(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS]))
            await site.settled()
            bucket.plan.fail("complete", *[AWAY] * 3)
            await session.end(0)
        await until(site, mock_clock, session.live.ended.is_set)
        task = await site.ended(session.live)
    assert task.attempt == 2
    assert len(site.writers.opened) == 1
    assert await whole(site, bucket, task)


async def test_object_that_came_to_be_after_all_is_the_file_of_the_next_attempt(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    bucket.plan.fail("complete", AWAY, after=True)
    bucket.plan.fail("head", *[AWAY] * 3)
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await until(site, mock_clock, live.ended.is_set)
        task = await site.ended(live)
    assert (task.attempt, task.object_key) == (2, f"exports/{task.id}/1.csv")
    assert await whole(site, bucket, task)


async def test_object_with_other_bytes_is_removed_at_once(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corrupt(key: str) -> object:
        found = MemoryStorage.head(bucket, key)
        return found and replace(found, crc64=1)

    async with site.running():
        with monkeypatch.context() as patch:
            patch.setattr(bucket, "head", corrupt)
            live = await site.push(make_spec(), ROWS)
            await live.changed.wait_for(lambda: live.task.error_code == "UPLOAD_FAILED")
            assert bucket.keys() == []
        await site.exports.scheduler.tick()
        task = await site.ended(live)
    assert await whole(site, bucket, task)


async def test_storage_that_is_down_for_good_fails_the_task_and_is_tidied_up_later(
    site: Site,
    bucket: FailingStorage,
    make_spec: MakeSpec,
    mock_clock: MockClock,
    events: EventNotes,
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS]))
            await site.settled()
            bucket.plan.away = True
            await session.end(0)
        await until(site, mock_clock, session.live.ended.is_set)
        task = await site.ended(session.live)
        assert (task.state, task.error_code) == (TaskState.FAILED, "STORAGE_UNAVAILABLE")
        assert (task.attempt, len(site.writers.opened)) == (3, 1)
        assert bucket.under_way() != []
        bucket.plan.away = False
        await site.exports.scheduler.tick_retention()
    assert len(events.of(event_kinds.OSSUploadFailed)) == 3
    assert (await site.task(session.live)).object_key == ""
    assert (bucket.keys(), site.temporary_files()) == ([], [])


async def test_local_disk_serves_the_file_when_the_storage_fails_for_good(
    make_bucket_site: MakeSite,
    bucket: FailingStorage,
    local: MemoryStorage,
    make_spec: MakeSpec,
    mock_clock: MockClock,
    events: EventNotes,
) -> None:
    site = make_bucket_site(oss={"fallback": "local"})
    bucket.plan.away = True
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await until(site, mock_clock, live.ended.is_set)
        task = await site.ended(live)
    assert (task.state, task.storage, task.attempt) == (TaskState.COMPLETED, "local", 3)
    content = local.open_range(task.object_key, 0).read()
    assert hashlib.sha256(content).hexdigest() == task.sha256
    assert [alert.kind for alert in events.of(event_kinds.StorageAlert)] == ["fallback"]


async def test_upload_that_takes_too_long_fails_the_attempt(
    make_bucket_site: MakeSite, bucket: FailingStorage, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    site = make_bucket_site(retry={"max_attempts": 1}, oss={"upload_timeout_seconds": 30})
    gate = bucket.plan.gates["put"] = Gate()
    gate.close()
    async with site.running():
        live = await site.push(make_spec(), ROWS[:3])
        await gate.reached()
        mock_clock.jump(31)
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
        task = await site.ended(live)
    assert (task.state, task.error_code) == (TaskState.FAILED, "UPLOAD_FAILED")
    assert bucket.keys() == []
