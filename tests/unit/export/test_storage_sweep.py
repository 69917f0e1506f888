"""What no task has recorded goes from a storage, and nothing else does."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from rowferry.domain import events as event_kinds
from rowferry.domain.spec import ExportSpec, Format
from rowferry.domain.storage_fault import FaultKind, StorageFault
from rowferry.domain.task import Task, TaskState
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.storage_sweep import CLOCK_SKEW, OWNER_NAME, StorageSweep
from rowferry.ports import NewObject, ObjectStorage, Storages, Upload
from rowferry.storage.local_disk import LocalDiskStorage
from rowferry.storage.memory import MemoryStorage
from rowferry.taskstore.memory import MemoryTaskStore
from tests.unit.export.in_memory import EventNotes, Site

LEASE_SECONDS = 60.0
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
JUST_NOW = NOW - timedelta(seconds=LEASE_SECONDS) - CLOCK_SKEW + timedelta(seconds=1)
OWNER_KEY = f"exports/{OWNER_NAME}"


class Place:
    """A bucket whose objects and uploads are as old as a test wants them."""

    def __init__(self, events: EventNotes, folder: Path) -> None:
        self.time = LONG_AGO
        self.bucket = MemoryStorage(now=lambda: self.time)
        self.store = MemoryTaskStore()
        self.events = events
        self._folder = folder

    def put(self, key: str, at: datetime = LONG_AGO) -> str:
        self.time = at
        source = self._folder / "source"
        source.write_bytes(b"a file")
        self.bucket.put(str(source), new_object(key))
        return key

    def start(self, key: str, at: datetime = LONG_AGO) -> Upload:
        self.time = at
        return self.bucket.multipart.start(new_object(key))

    async def task(self, number: int, **fields: object) -> Task:
        task_id = f"{number:032x}"
        task = Task(
            id=task_id,
            client="shop",
            request_id=task_id,
            request_hash="",
            format=Format.CSV,
            filename="f",
            created_at=LONG_AGO,
            **fields,  # type: ignore[arg-type]
        )
        await self.store.create(task, {})
        return task

    async def sweep(self, storage: ObjectStorage | None = None) -> None:
        await StorageSweep(
            store=self.store,
            storages=Storages(primary="oss", by_name={"oss": storage or self.bucket}),
            prefix="exports",
            calls=StorageCalls(
                threads=trio.CapacityLimiter(1),
                max_retries=0,
                chance=lambda: 0.0,
                observer=self.events,
            ),
            observer=self.events,
            lease_seconds=LEASE_SECONDS,
            now=lambda: NOW,
        ).sweep()

    def keys(self) -> list[str]:
        return [listed.key for listed in self.bucket.objects("exports") if listed.key != OWNER_KEY]

    def uploads(self) -> list[str]:
        return [upload.upload_id for upload in self.bucket.multipart.uploads("exports")]


def new_object(key: str) -> NewObject:
    return NewObject(key=key, content_type="text/csv", content_disposition="attachment")


def key_of(number: int, attempt: int = 1) -> str:
    return f"exports/{number:032x}/{attempt}.csv"


@pytest.fixture
def place(events: EventNotes, tmp_path: Path) -> Place:
    return Place(events, tmp_path)


async def test_objects_that_tasks_have_recorded_stay(place: Place) -> None:
    for number, state in enumerate((TaskState.COMPLETED, TaskState.UPLOADING, TaskState.FAILED)):
        await place.task(number, state=state, storage="oss", object_key=place.put(key_of(number)))
    await place.sweep()
    assert place.keys() == [key_of(0), key_of(1), key_of(2)]
    assert place.events.of(event_kinds.OrphanRemoved) == []


async def test_objects_of_former_attempts_of_other_storages_and_of_no_task_go(
    place: Place,
) -> None:
    await place.task(1, storage="oss", object_key=place.put(key_of(1, attempt=2)))
    place.put(key_of(1))
    await place.task(2, storage="local", object_key=place.put(key_of(2)))
    place.put(key_of(3))
    await place.sweep()
    assert place.keys() == [key_of(1, attempt=2)]
    removed = {event.object_key for event in place.events.of(event_kinds.OrphanRemoved)}
    assert removed == {key_of(1), key_of(2), key_of(3)}


async def test_uploads_that_no_task_has_recorded_are_aborted(place: Place) -> None:
    kept, stale = place.start(key_of(1)), place.start(key_of(1))
    place.start(key_of(2))
    await place.task(1, storage="oss", object_key=kept.key, upload_id=kept.upload_id)
    await place.sweep()
    assert place.uploads() == [kept.upload_id]
    kinds = [event.kind for event in place.events.of(event_kinds.OrphanRemoved)]
    assert kinds == ["upload", "upload"]
    assert stale.upload_id not in place.uploads()


async def test_what_is_younger_than_a_lease_stays(place: Place) -> None:
    place.put(key_of(1), at=JUST_NOW)
    upload = place.start(key_of(2), at=JUST_NOW)
    await place.sweep()
    assert (place.keys(), place.uploads()) == ([key_of(1)], [upload.upload_id])


async def test_objects_that_are_not_made_for_tasks_stay(place: Place) -> None:
    place.put("exports/readme.txt")
    place.put("exports/reports/2026.csv")
    await place.sweep()
    assert place.keys() == ["exports/readme.txt", "exports/reports/2026.csv"]


async def test_listing_of_many_pages_is_swept_to_its_end(place: Place) -> None:
    for number in range(1100):
        place.put(key_of(number))
    kept = await place.task(1050, storage="oss", object_key=key_of(1050))
    await place.sweep()
    assert place.keys() == [kept.object_key]


async def test_storage_of_another_database_is_left_alone(place: Place) -> None:
    await place.sweep()
    place.put(key_of(1))
    place.store = MemoryTaskStore()
    await place.sweep()
    assert place.keys() == [key_of(1)]
    [alert] = place.events.of(event_kinds.StorageAlert)
    assert "of the task database" in alert.message


async def test_storage_that_is_away_is_told_of_and_swept_later(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(prefix: str) -> object:
        raise StorageFault(FaultKind.TRANSIENT, f"The storage is away: {prefix}.", reason="Away")

    place.put(key_of(1))
    with monkeypatch.context() as patch:
        patch.setattr(place.bucket, "objects", away)
        await place.sweep()
    assert [alert.storage_code for alert in place.events.of(event_kinds.StorageAlert)] == ["Away"]
    await place.sweep()
    assert place.keys() == []


async def test_folder_on_local_disk_is_swept_like_a_bucket(place: Place, tmp_path: Path) -> None:
    disk = LocalDiskStorage(tmp_path / "files")
    for number in (1, 2):
        source = tmp_path / "source"
        source.write_bytes(b"a file")
        os.utime(source, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
        disk.put(str(source), new_object(key_of(number)))
    await place.task(1, storage="oss", object_key=key_of(1))
    await place.sweep(disk)
    assert {listed.key for listed in disk.objects("exports")} == {key_of(1), OWNER_KEY}


async def test_service_sweeps_at_its_start(
    site: Site, make_spec: Callable[..., ExportSpec], tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"a file")
    site.storage.put(str(source), new_object(key_of(7)))
    orphan = site.storage._objects[key_of(7)]  # noqa: SLF001
    site.storage._objects[key_of(7)] = replace(orphan, modified_at=LONG_AGO)  # noqa: SLF001
    async with site.running() as nursery:
        task = await site.ended(await site.push(make_spec(), [("1", "a")]))
        nursery.start_soon(site.exports.storage_sweep.run)
        await site.events.wait_for(event_kinds.OrphanRemoved)
    assert site.storage.keys() == [task.object_key, OWNER_KEY]


async def test_uploads_that_were_not_made_for_tasks_stay(place: Place) -> None:
    upload = place.start("exports/reports/2026.csv")
    await place.sweep()
    assert place.uploads() == [upload.upload_id]


async def test_upload_that_did_not_become_its_tasks_file_is_aborted(place: Place) -> None:
    upload = place.start(key_of(1))
    await place.task(
        1,
        state=TaskState.COMPLETED,
        storage="oss",
        object_key=place.put(key_of(1)),
        upload_id=upload.upload_id,
    )
    await place.sweep()
    assert (place.keys(), place.uploads()) == ([key_of(1)], [])


async def test_sweep_that_fails_unexpectedly_does_not_end_the_service(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(prefix: str) -> object:
        raise KeyError(prefix)

    monkeypatch.setattr(place.bucket, "objects", fail)
    await place.sweep()
    [told] = place.events.of(event_kinds.SystemError)
    assert told.where == "sweep"
