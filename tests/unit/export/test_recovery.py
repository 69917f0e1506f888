"""What a run of the service leaves behind, the next one takes up."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rowferry.composition import Adapters
from rowferry.domain.events import RowsOfNoTask, TaskRecovered
from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import ExportSpec, Format
from rowferry.domain.task import Stage, Task, TaskState
from rowferry.ports import BatchMessage, NewObject
from rowferry.spool.disk import DiskSpool
from rowferry.taskstore.memory import MemoryTaskStore
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
Encode = Callable[..., list[BatchMessage]]
ROWS: list[Row] = [(str(number), f"name {number}") for number in range(500)]
MORE: list[Row] = [("501", "the last")]


@pytest.fixture
def spool(tmp_path: Path) -> DiskSpool:
    return DiskSpool(tmp_path / "spool")


@pytest.fixture
def adapters(adapters: Adapters, spool: DiskSpool) -> Adapters:
    """Keep rows where a crash would leave them."""
    return replace(adapters, spool=spool)


async def _crash_in(state: TaskState, site: Site, task: Task, **fields: object) -> None:
    """Leave a task in the store as a crash in a state would have."""
    for step in (TaskState.PROCESSING, TaskState.UPLOADING):
        changed = replace(task, state=step, attempt=1, **fields)  # type: ignore[arg-type]
        task = await site.adapters.store.update(changed, expected=task.state)
        if step is state:
            return


async def test_task_whose_rows_had_ended_runs_by_itself(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    live = await site.push(make_spec(), ROWS)
    again = site.restarted()
    await again.exports.recovery.run()
    (recovered,) = events.of(TaskRecovered)
    assert (recovered.rows_received, recovered.rows_ended) == (500, True)
    async with again.running():
        found = again.live_tasks.find("shop", live.task.id)
        assert found is not None
        assert (await again.ended(found)).state is TaskState.COMPLETED


async def test_open_task_waits_for_its_client_and_goes_on_behind_the_last_row(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    with await site.open(make_spec()) as session:
        await session.append(encode([ROWS]))
    again = site.restarted()
    await again.exports.recovery.run()
    async with again.running():
        await again.settled()
        assert again.live_tasks.count(TaskState.QUEUED) == 1
        with await again.open(make_spec()) as resumed:
            assert await resumed.settled() == (resumed.live.snapshot(), 2)
            await resumed.append(encode([MORE], start=2))
            await resumed.end(501)
        task = await again.ended(resumed.live)
    assert (task.state, task.rows_written) == (TaskState.COMPLETED, 501)


@pytest.mark.parametrize("file_format", Format)
async def test_interrupted_task_gives_the_file_of_an_undisturbed_one(
    site: Site, make_spec: MakeSpec, encode: Encode, file_format: Format
) -> None:
    async with site.running():
        with await site.open(make_spec("disturbed", format=file_format)) as session:
            live = session.live
            await session.append(encode([ROWS]))
            await live.changed.wait_for(lambda: live.rows_written == 500)
    again = site.restarted()
    await again.exports.recovery.run()
    async with again.running():
        with await again.open(make_spec("disturbed", format=file_format)) as resumed:
            await resumed.append(encode([MORE], start=2))
            await resumed.end(0)
        disturbed = await again.ended(resumed.live)
        spec = make_spec("undisturbed", format=file_format)
        undisturbed = await again.ended(await again.push(spec, ROWS, MORE))
    assert disturbed.sha256 == undisturbed.sha256
    assert disturbed.attempt == 1


async def test_task_that_died_while_it_ran_runs_again(site: Site, make_spec: MakeSpec) -> None:
    live = await site.push(make_spec(), ROWS)
    await _crash_in(TaskState.PROCESSING, site, live.task, stage=Stage.WRITING)
    again = site.restarted()
    await again.exports.recovery.run()
    found = again.live_tasks.find("shop", live.task.id)
    assert found is not None
    assert (found.task.state, found.task.stage) == (TaskState.QUEUED, Stage.NONE)
    async with again.running():
        task = await again.ended(found)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)


def _put(site: Site, key: str, path: Path) -> None:
    path.write_bytes(b"a file")
    new = NewObject(key=key, content_type="", content_disposition="")
    site.storage.put(str(path), new)


async def test_object_of_an_attempt_that_is_not_known_to_be_whole_is_replaced(
    site: Site, make_spec: MakeSpec, tmp_path: Path
) -> None:
    live = await site.push(make_spec(), ROWS)
    key = f"exports/{live.task.id}/1.csv"
    await _crash_in(TaskState.UPLOADING, site, live.task, object_key=key, storage="local")
    _put(site, key, tmp_path / "file")
    again = site.restarted()
    await again.exports.recovery.run()
    found = again.live_tasks.find("shop", live.task.id)
    assert found is not None
    async with again.running():
        task = await again.ended(found)
    assert (task.state, task.object_key) == (TaskState.COMPLETED, key)
    assert again.storage.keys() == [key]
    assert hashlib.sha256(again.storage.content(key)).hexdigest() == task.sha256


async def test_task_whose_rows_are_gone_fails_as_lost_and_leaves_no_object(
    site: Site, make_spec: MakeSpec, spool: DiskSpool, tmp_path: Path
) -> None:
    live = await site.push(make_spec(), ROWS)
    key = f"exports/{live.task.id}/1.csv"
    await _crash_in(TaskState.UPLOADING, site, live.task, object_key=key, storage="local")
    _put(site, key, tmp_path / "file")
    spool.delete(live.task.id)
    again = site.restarted()
    await again.exports.recovery.run()
    task = await again.task(live)
    assert (task.state, task.error_code) == (TaskState.FAILED, "STREAM_LOST")
    await again.exports.scheduler.tick_retention()
    assert again.remains() == []
    assert (await again.task(live)).object_key == ""


async def test_task_whose_log_is_damaged_fails_with_the_reason(
    site: Site, make_spec: MakeSpec, tmp_path: Path
) -> None:
    live = await site.push(make_spec(), ROWS)
    log_file = tmp_path / "spool" / f"{live.task.id}.rows"
    log_file.write_bytes(b"something else that is longer than a header")
    again = site.restarted()
    await again.exports.recovery.run()
    task = await again.task(live)
    assert (task.state, task.error_code) == (TaskState.FAILED, "INTERNAL")
    assert again.remains() == []


async def test_batch_that_was_cut_by_a_crash_is_asked_for_again(
    site: Site, make_spec: MakeSpec, encode: Encode, tmp_path: Path
) -> None:
    with await site.open(make_spec()) as session:
        await session.append(encode([ROWS, MORE]))
    log_file = tmp_path / "spool" / f"{session.live.task.id}.rows"
    log_file.write_bytes(log_file.read_bytes()[:-1])
    again = site.restarted()
    await again.exports.recovery.run()
    with await again.open(make_spec()) as resumed:
        task, next_sequence = await resumed.settled()
    assert (task.rows_received, next_sequence) == (500, 2)


async def test_logs_of_ended_tasks_logs_without_rows_and_temporary_files_are_swept(
    site: Site, make_spec: MakeSpec, spool: DiskSpool, encode: Encode
) -> None:
    ended = await site.open(make_spec("ended"))
    kept = await site.open(make_spec("kept"))
    log = spool.create(make_task_id(1, b"0123456789"), make_spec())
    log.close()
    await site.exports.commands.cancel("shop", ended.live.task.id, "")
    ended_log = spool.create(ended.live.task.id, make_spec())
    ended_log.append(encode([ROWS]))
    ended_log.close()
    temporary = site.config.temp_directory
    for folder in (ended.live.task.id, kept.live.task.id):
        (temporary / folder).mkdir(parents=True)
        (temporary / folder / "1.part").touch()
    (temporary / "notes of the operator").mkdir()
    again = site.restarted()
    await again.exports.recovery.run()
    assert list(spool.task_ids()) == [kept.live.task.id]
    assert again.temporary_files() == ["notes of the operator"]


async def test_rows_of_a_task_that_the_database_lacks_stay_and_are_told_of(
    site: Site, make_spec: MakeSpec, spool: DiskSpool, events: EventNotes
) -> None:
    live = await site.push(make_spec(), ROWS)
    restored = replace(site.adapters, store=MemoryTaskStore())
    again = Site(site.config, restored, events)
    await again.exports.recovery.run()
    assert list(spool.task_ids()) == [live.task.id]
    (told,) = events.of(RowsOfNoTask)
    assert (told.task_id, told.state) == (live.task.id, "")


async def test_rows_of_a_task_that_is_another_node_s_stay_and_are_told_of(
    site: Site, make_spec: MakeSpec, spool: DiskSpool, events: EventNotes
) -> None:
    live = await site.push(make_spec(), ROWS)
    renamed = replace(site.adapters, node=replace(site.adapters.node, id="another"))
    again = Site(site.config, renamed, events)
    await again.exports.recovery.run()
    assert list(spool.task_ids()) == [live.task.id]
    (told,) = events.of(RowsOfNoTask)
    assert (told.task_id, told.state) == (live.task.id, TaskState.QUEUED)


async def test_task_whose_request_is_gone_fails(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = await site.push(make_spec(), ROWS)

    async def none(*_: object) -> None:
        pass

    monkeypatch.setattr(site.adapters.store, "document", none)
    again = site.restarted()
    await again.exports.recovery.run()
    assert (await again.task(live)).error_code == "STREAM_LOST"
