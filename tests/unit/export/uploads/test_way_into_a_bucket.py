"""Files become objects in parts, beginning while they are written."""

import hashlib

import pytest

from rowferry.domain import events as event_kinds
from rowferry.domain.spec import Format
from rowferry.domain.task import TaskState
from tests.unit.export.in_memory import EventNotes, Gate, Site, numbered
from tests.unit.export.uploads.failing_storage import FailingStorage
from tests.unit.export.uploads.whole_objects import (
    ROWS,
    MakeSite,
    MakeSpec,
    whole,
)


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
