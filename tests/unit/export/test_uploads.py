"""Files become objects in parts, beginning while they are written, whatever the storage does."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from rowferry.client.batches import Row
from rowferry.composition import Adapters
from rowferry.domain import events as event_kinds
from rowferry.domain.multipart import PartPlan
from rowferry.domain.spec import ExportSpec, Format
from rowferry.domain.storage_fault import FaultKind
from rowferry.domain.task import Task, TaskState
from rowferry.export import scheduler
from rowferry.export.cleanup import KEPT_FOLDER
from rowferry.export.part_upload import PAUSE_SECONDS, PartUpload
from rowferry.export.scheduler import TICK_SECONDS
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.task_journal import CLEANUP_SECONDS
from rowferry.ports import NewObject, Part, PartSource, Storages, Upload
from rowferry.storage.memory import MemoryStorage
from tests.unit.export.failing_storage import AWAY, FailingStorage
from tests.unit.export.in_memory import EventNotes, Gate, Site, numbered

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]

PART_BYTES = 20_000
# About 20 parts of CSV; the core keeps less than 10 of them back until it writes.
ROWS: list[Row] = [(f"{n}", hashlib.sha256(b"%d" % n).hexdigest() * 2) for n in range(3000)]
HALF = len(ROWS) // 2


@pytest.fixture
def bucket() -> FailingStorage:
    return FailingStorage()


@pytest.fixture
def local() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def adapters(adapters: Adapters, bucket: FailingStorage, local: MemoryStorage) -> Adapters:
    storages = Storages(primary="oss", by_name={"oss": bucket, "local": local})
    return replace(adapters, storages=storages)


@pytest.fixture
def make_bucket_site(make_site: MakeSite) -> MakeSite:
    def make(**groups: dict[str, object]) -> Site:
        oss = {"part_bytes": PART_BYTES, "parallel_parts": 2, "max_retries": 2}
        storage = {"backend": "oss", "temp_retention_seconds": 0}
        settings: dict[str, dict[str, object]] = {
            "storage": {**storage, **groups.pop("storage", {})},
            "oss": {**oss, **groups.pop("oss", {})},
            "retry": {"max_attempts": 3, "base_seconds": 0.0},
        }
        return make_site(**{**settings, **groups})

    return make


@pytest.fixture
async def site(make_bucket_site: MakeSite) -> Site:
    return make_bucket_site()


async def whole(site: Site, bucket: FailingStorage, task: Task) -> bool:
    """Tell whether a task has its object, and nothing else is left anywhere."""
    assert task.state is TaskState.COMPLETED, (task.state, task.error_code, task.error_message)
    assert bucket.keys() == [task.object_key]
    assert bucket.under_way() == []
    assert site.temporary_files() == []
    digest = hashlib.sha256(bucket.content(task.object_key)).hexdigest()
    return digest == task.sha256 and bucket.content(task.object_key).count(b"\n") == len(ROWS) + 1


async def _until(site: Site, clock: MockClock, condition: Callable[[], bool]) -> None:
    """Let time pass, for retries of calls and of tasks, until the condition holds."""
    for _ in range(100):
        await site.settled()
        if condition():
            return
        clock.jump(TICK_SECONDS)
    raise TimeoutError


# The way of a file.


@pytest.mark.parametrize("file_format", [Format.CSV, Format.EXCEL])
async def test_parts_leave_while_rows_come(
    site: Site,
    bucket: FailingStorage,
    make_spec: MakeSpec,
    events: EventNotes,
    file_format: Format,
) -> None:
    async with site.running():
        with await site.open(make_spec(format=file_format)) as session:
            await session.append(numbered([ROWS[:2900]]))
            await site.settled()
            early = bucket.parts.sent.copy()
            await session.append(numbered([ROWS[2900:]], 2))
            await session.end(0)
        task = await site.ended(session.live)
    assert task.state is TaskState.COMPLETED
    assert len(early) >= 2
    # a sheet's header is patched at the end
    held = set(range(1, max(early) + 1)) - set(early)
    assert bool(held) == (file_format is Format.EXCEL)
    content = bucket.content(task.object_key)
    assert hashlib.sha256(content).hexdigest() == task.sha256
    assert len(content) == task.file_bytes
    assert sorted(bucket.parts.sent) == list(range(1, len(bucket.parts.sent) + 1))
    [completed] = events.of(event_kinds.OSSUploadCompleted)
    assert completed.parts_while_writing >= len(early)


async def test_file_that_ends_before_its_first_part_is_sealed_is_put_whole(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, events: EventNotes
) -> None:
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS[:3]))
    assert (task.state, task.storage, task.upload_id) == (TaskState.COMPLETED, "oss", "")
    assert events.of(event_kinds.OSSUploadStarted) == []
    assert bucket.parts.sent == []


@pytest.mark.parametrize(("threshold", "in_parts"), [(300_000, True), (1_000_000, False)])
async def test_finished_file_goes_in_parts_from_the_threshold_on(
    make_bucket_site: MakeSite,
    bucket: FailingStorage,
    make_spec: MakeSpec,
    threshold: int,
    in_parts: bool,  # noqa: FBT001  a parameter of the case
) -> None:
    site = make_bucket_site(
        storage={"upload_while_writing": False}, oss={"multipart_threshold_bytes": threshold}
    )
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert await whole(site, bucket, task)
    assert bool(bucket.parts.sent) == in_parts


async def test_upload_is_recorded_before_its_first_part(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    gate = bucket.plan.gates["put_part"] = Gate()
    gate.close()
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS]))
            await gate.reached()
            recorded = await site.task(session.live)
            gate.open()
            await session.end(0)
        task = await site.ended(session.live)
    assert recorded.state is TaskState.PROCESSING
    assert recorded.upload_id == task.upload_id != ""
    assert recorded.object_key == task.object_key == f"exports/{task.id}/1.csv"
    assert await whole(site, bucket, task)


async def test_file_of_too_many_parts_is_refused(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    bucket.parts.max_parts = 3
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert (task.state, task.error_code) == (TaskState.FAILED, "TOO_LARGE")
    assert task.error_context["limit"] == "60000"
    assert (bucket.keys(), bucket.under_way(), task.object_key) == ([], [], "")


# A storage that fails for a moment.


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
            await _until(site, mock_clock, lambda: bool(bucket.parts.sent))
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


# A storage that fails for longer.


async def test_file_that_could_not_be_stored_is_not_written_again(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec, mock_clock: MockClock
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(numbered([ROWS]))
            await site.settled()
            bucket.plan.fail("complete", *[AWAY] * 3)
            await session.end(0)
        await _until(site, mock_clock, session.live.ended.is_set)
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
        await _until(site, mock_clock, live.ended.is_set)
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
        await _until(site, mock_clock, session.live.ended.is_set)
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
        await _until(site, mock_clock, live.ended.is_set)
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


# Stopping.


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


async def test_file_whose_upload_has_begun_goes_on_with_it_after_a_restart(
    site: Site, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    gate = bucket.plan.gates["complete"] = Gate()
    gate.close()
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await gate.reached()
        bucket.plan.away = True
        gate.open()
        nursery.cancel_scope.cancel()
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
    gate = bucket.plan.gates["complete"] = Gate()
    gate.close()
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await gate.reached()
        bucket.plan.away = True
        gate.open()
        nursery.cancel_scope.cancel()
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


# The copy that is kept here.


async def _stored(site: Site, spec: ExportSpec) -> Task:
    task = await site.ended(await site.push(spec, ROWS))
    assert task.state is TaskState.COMPLETED
    return task


def _kept(site: Site) -> list[str]:
    return [path.name for path in (site.config.temp_directory / KEPT_FOLDER).glob("*")]


async def test_copy_of_a_stored_file_is_kept_for_its_time(
    make_bucket_site: MakeSite, bucket: FailingStorage, make_spec: MakeSpec
) -> None:
    site = make_bucket_site(storage={"temp_retention_seconds": 60, "min_free_bytes": 0})
    async with site.running():
        old, young = await _stored(site, make_spec()), await _stored(site, make_spec("other"))
        kept = site.config.temp_directory / KEPT_FOLDER
        assert (kept / old.id).read_bytes() == bucket.content(old.object_key)
        os.utime(kept / old.id, (1.0, 1.0))
        await site.exports.scheduler.tick_retention()
        assert _kept(site) == [young.id]


async def test_copy_goes_with_its_task(make_bucket_site: MakeSite, make_spec: MakeSpec) -> None:
    site = make_bucket_site(storage={"cleanup_enabled": False, "min_free_bytes": 0})
    async with site.running():
        task = await _stored(site, make_spec())
        await site.exports.scheduler.tick_retention()
        assert _kept(site) == [task.id]
        await site.exports.commands.delete("shop", task.id)
    assert _kept(site) == []


async def test_copies_make_room_when_it_gets_scarce(
    make_bucket_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_bucket_site(storage={"cleanup_enabled": False, "min_free_bytes": 2**60})
    async with site.running():
        await _stored(site, make_spec())
        assert _kept(site) != []
        await site.exports.scheduler.tick_retention()
    assert _kept(site) == []
