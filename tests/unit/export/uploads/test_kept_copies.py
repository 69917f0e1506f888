"""A file that is in storage is kept here for a while."""

import os

from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Task, TaskState
from rowferry.export.cleanup import KEPT_FOLDER
from tests.unit.export.in_memory import Site
from tests.unit.export.uploads.failing_storage import FailingStorage
from tests.unit.export.uploads.whole_objects import ROWS, MakeSite, MakeSpec


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
