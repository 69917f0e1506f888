"""Whatever stops an upload, the next run goes on with it, or nothing of it stays."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from rowferry.domain import events as event_kinds
from rowferry.domain.multipart import PartPlan
from rowferry.domain.spec import ExportSpec, Format
from rowferry.domain.storage_fault import FaultKind
from rowferry.domain.task import Task, TaskState
from rowferry.export import scheduler
from rowferry.export.live_task import LiveTask
from rowferry.export.part_upload import PartUpload
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.task_journal import CLEANUP_SECONDS
from rowferry.ports import NewObject, Part, PartSource, Upload
from tests.unit.export.in_memory import EventNotes, Gate, Site, numbered
from tests.unit.export.uploads.failing_storage import FailingStorage
from tests.unit.export.uploads.whole_objects import HALF, ROWS, MakeSite, MakeSpec, whole


async def test_cancelled_export_leaves_neither_parts_nor_object(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS]))
            await site.settled()
            assert bucket.under_way()
            await site.exports.commands.cancel("shop", session.live.task.id, "")
        task = await site.ended(session.live)
    assert (task.state, task.object_key) == (TaskState.CANCELLED, "")
    assert (bucket.keys(), bucket.under_way(), site.temporary_files()) == ([], [], [])


async def test_stopped_service_goes_on_with_the_parts_that_are_there(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, events: EventNotes
) -> None:
    async with site.running() as nursery:
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS[:HALF]]))
            await site.settled()
            early = bucket.parts.sent.copy()
            await session.append(numbered([ROWS[HALF:]], 2))
            bucket.plan.away = True
            await session.end(0)
            nursery.cancel_scope.cancel()
    bucket.plan.away = False
    again = site.restarted()
    await again.exports.recovery.run()
    found = again.live_tasks.find("shop", session.live.task.id)
    assert found is not None
    async with again.running():
        task = await again.ended(found)
    assert await whole(again, bucket, task)
    assert early
    assert all(bucket.parts.sent.count(number) == 1 for number in early)
    assert [e.parts_found for e in events.of(event_kinds.OSSUploadStarted)] == [0, len(early)]


async def _stopped_before_complete(
    site: Site, bucket: FailingStorage, spec: ExportSpec
) -> LiveTask:
    """Stop the service when all parts of a file are there, and the storage has just gone away."""
    gate = bucket.plan.gates["complete"] = Gate()
    gate.close()
    async with site.running() as nursery:
        live = await site.push(spec, ROWS)
        await gate.reached()
        bucket.plan.away = True
        gate.open()
        nursery.cancel_scope.cancel()
    return live


async def test_file_whose_upload_has_begun_goes_on_with_it_after_a_restart(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    live = await _stopped_before_complete(site, bucket, make_spec())
    bucket.plan.away = False
    sent = len(bucket.parts.sent)
    again = site.restarted()
    await again.exports.recovery.run()
    found = again.live_tasks.find("shop", live.task.id)
    assert found is not None
    async with again.running():
        task = await again.ended(found)
    assert len(again.writers.opened) == 1
    assert await whole(again, bucket, task)
    assert len(bucket.parts.sent) == sent


async def test_file_of_a_storage_that_is_configured_no_more_is_made_again(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    live = await _stopped_before_complete(site, bucket, make_spec())
    stored = await site.task(live)
    await site.adapters.store.update(replace(stored, storage="s3"), expected=stored.state)
    bucket.plan.away = False
    again = site.restarted()
    await again.exports.recovery.run()
    found = again.live_tasks.find("shop", live.task.id)
    assert found is not None
    async with again.running():
        task = await again.ended(found)
    assert (task.state, task.storage) == (TaskState.COMPLETED, "oss")


async def test_part_that_is_sent_while_its_file_begins_again_is_sent_once_more(
    tmp_path: Path, events: EventNotes
) -> None:
    bucket = FailingStorage()
    gate = bucket.plan.gates["put_part"] = Gate()
    gate.close()
    path = tmp_path / "file"
    path.write_bytes(b"whole")
    new = NewObject(key="exports/1", content_type="", content_disposition="")
    upload = bucket.parts.start(new)

    async def begin() -> tuple[Upload, list[Part]]:
        return upload, []

    calls_threads = trio.CapacityLimiter(1)
    calls = StorageCalls(threads=calls_threads, max_retries=0, chance=lambda: 0.0, observer=events)
    parts = PartUpload(
        multipart=bucket.parts,
        calls=calls,
        path=path,
        plan=PartPlan(part_bytes=5),
        parallel_parts=1,
        begin=begin,
        report=lambda part, seconds: None,  # noqa: ARG005
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parts.run)
        parts.grown(5, None)
        await gate.reached()
        parts.rewritten()
        path.write_bytes(b"holey")
        gate.open()
        while not bucket.parts.sent:
            await trio.testing.wait_all_tasks_blocked()
            async with calls_threads:
                pass
        path.write_bytes(b"whole")
        parts.grown(5, None)
        parts.seal(5)
        await parts.sent()
    bucket.parts.complete(upload, parts.parts)
    assert bucket.content("exports/1") == b"whole"


async def test_storage_that_hangs_keeps_no_cancelled_export(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    gate = bucket.plan.gates["abort"] = Gate()
    gate.close()
    async with site.running() as nursery:
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS]))
            await site.settled()
            task_id = session.live.task.id
            nursery.start_soon(site.exports.commands.cancel, "shop", task_id, "")
            await gate.reached()
            for _ in range(3):
                mock_clock.jump(CLEANUP_SECONDS)
                await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(CLEANUP_SECONDS):
                await session.live.ended.wait()
            assert site.live_tasks.get(task_id) is None
            gate.open()
    assert site.temporary_files() == []


async def test_failure_of_a_storage_that_nobody_foresaw_ends_no_service(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("UploadId")

    monkeypatch.setattr(bucket.parts, "put_part", fail)
    monkeypatch.setattr(bucket.parts, "abort", fail)
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
        assert task.state is TaskState.FAILED
        await site.exports.scheduler.tick_retention()
        other = await site.ended(await site.push(make_spec("other"), ROWS[:3]))
    assert other.state is TaskState.COMPLETED


async def test_part_whose_file_is_too_short_is_tried_again(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OSError("The file is shorter than the span to send.")]
    put_part = bucket.parts.put_part

    def send(upload: Upload, number: int, source: PartSource) -> Part:
        if failures:
            raise failures.pop()
        return put_part(upload, number, source)

    monkeypatch.setattr(bucket.parts, "put_part", send)
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert await whole(site, bucket, task)
    assert task.attempt == 1


async def test_sealed_file_of_a_task_that_ended_without_a_run_goes(
    site: Site, make_spec: MakeSpec
) -> None:
    folder = site.config.temp_directory / ("7" * 32)
    folder.mkdir(parents=True)
    (folder / "1.part").write_bytes(b"a file")
    await site.exports.scheduler.tick_retention()
    assert site.temporary_files() == []


async def test_cancellation_that_is_asked_for_twice_is_one(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    async with site.running() as nursery:
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS]))
            await site.settled()
            bucket.plan.fail("abort", FaultKind.REFUSED, FaultKind.REFUSED)
            await site.exports.commands.cancel("shop", session.live.task.id, "")
            assert (await site.task(session.live)).object_key != ""
            for _ in range(3):
                nursery.start_soon(site.exports.commands.cancel, "shop", session.live.task.id, "")
            await site.settled()
    assert (await site.task(session.live)).object_key == ""


async def test_object_that_is_being_removed_is_no_file_of_a_retry(
    make_bucket_site: MakeSite, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    site = make_bucket_site(retry={"max_attempts": 1})
    bucket.plan.fail("complete", FaultKind.REFUSED, after=True)
    gate = bucket.plan.gates["delete"] = Gate()
    gate.close()
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await gate.reached()
        during = await site.task(live)
        gate.open()
        after = await site.ended(live)
    assert (during.state, during.object_key) == (TaskState.FAILED, f"exports/{during.id}/1.csv")
    assert (during.object_crc64, after.object_key, bucket.keys()) == ("", "", [])


@pytest.mark.parametrize("state", [TaskState.COMPLETED, TaskState.CANCELLED])
async def test_objects_that_can_not_be_removed_hold_up_no_others(
    site: Site, monkeypatch: pytest.MonkeyPatch, state: TaskState
) -> None:
    monkeypatch.setattr(scheduler, "CHORE_LIMIT", 1)
    for number, storage in enumerate(("s3", "oss")):
        task = Task(
            id=f"{number:032x}",
            client="shop",
            request_id=f"{number}",
            request_hash="",
            format=Format.CSV,
            filename="f",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            file_expires_at=datetime(2026, 1, 2, tzinfo=UTC),
            finished_at=datetime.now(UTC),
            state=state,
            storage=storage,
            object_key=f"exports/{number:032x}/1.csv",
        )
        await site.adapters.store.create(task, {})
    for _ in range(2):
        await site.exports.scheduler.tick_retention()
    found = await site.adapters.store.find([f"{number:032x}" for number in range(2)])
    assert [task.object_key == "" for task in found.values()] == [False, True]
