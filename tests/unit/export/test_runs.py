"""A queued task becomes a file in storage, or fails and leaves nothing."""

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from python_calamine import CalamineWorkbook
from trio.testing import wait_all_tasks_blocked

from rowferry.domain import events as event_kinds
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec, Format, FormatOptions
from rowferry.domain.task import Source, Stage, Task, TaskState
from rowferry.export.cleanup import Cleanup
from rowferry.export.task_journal import CLEANUP_SECONDS
from rowferry.ports import QueuedTask
from rowferry.spool.memory import MemorySpool
from rowferry.taskstore.memory import MemoryTaskStore
from tests.record_batches import Row
from tests.unit.export.in_memory import EventNotes, Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
ROWS: list[Row] = [("1", "a"), ("2", None), ("3", "ü, ö")]
EXPECTED = [["id", "name"], ["1", "a"], ["2", ""], ["3", "ü, ö"], ["4", "d"]]


def _cells(content: bytes, file_format: Format) -> list[list[str]]:
    if file_format is Format.CSV:
        return list(csv.reader(io.StringIO(content.decode(), newline="")))
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    return [[str(int(c)) if isinstance(c, float) else str(c) for c in row] for row in rows]


@pytest.mark.parametrize("file_format", Format)
async def test_rows_that_came_are_the_rows_of_the_file(
    site: Site, make_spec: MakeSpec, file_format: Format
) -> None:
    async with site.running():
        live = await site.push(make_spec(format=file_format), ROWS, [("4", "d")])
        task = await site.ended(live)
    assert (task.state, task.rows_written, task.rows_received) == (TaskState.COMPLETED, 4, 4)
    assert site.storage.keys() == [task.object_key]
    content = site.storage.content(task.object_key)
    assert _cells(content, file_format) == EXPECTED
    assert (task.file_bytes, task.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert site.remains() == [task.object_key]


async def test_object_is_described_for_browsers_and_for_operators(
    site: Site, make_spec: MakeSpec
) -> None:
    async with site.running():
        live = await site.push(make_spec(filename="Käufe", tags={"team": "sales"}), ROWS)
        task = await site.ended(live)
    stored = site.storage.head(task.object_key)
    assert stored is not None
    assert stored.key == f"exports/{task.id}/1.csv"
    assert stored.content_type == "text/csv; charset=utf-8"
    assert stored.content_disposition.endswith("filename*=UTF-8''K%C3%A4ufe.csv")
    tags = {
        "team": "sales",
        "rowferry-task": task.id,
        "rowferry-client": "shop",
        "rowferry-format": "CSV",
        "rowferry-sha256": task.sha256,
    }
    assert site.storage.tags(task.object_key) == tags


async def test_link_expires_so_long_after_completion(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(storage={"link_expiry_seconds": 90})
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert task.finished_at is not None
    assert task.link_expires_at is not None
    assert (task.link_expires_at - task.finished_at).total_seconds() == 90


async def test_file_grows_while_rows_come(
    site: Site, make_spec: MakeSpec, encode: Callable[..., list[tuple[bytes, int]]]
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            live = session.live
            await session.append(encode([ROWS]))
            await live.changed.wait_for(lambda: live.rows_written == 3)
            assert (live.task.state, live.task.stage) == (TaskState.PROCESSING, Stage.WRITING)
            await session.append(encode([[("4", "d")]], start=2))
            await live.changed.wait_for(lambda: live.rows_written == 4)
            await session.end(4)
        task = await site.ended(live)
    assert _cells(site.storage.content(task.object_key), Format.CSV) == EXPECTED


async def test_empty_export_is_a_file_with_its_header(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        task = await site.ended(await site.push(make_spec()))
    assert _cells(site.storage.content(task.object_key), Format.CSV) == [["id", "name"]]


async def test_empty_batches_at_the_tail_keep_no_thread_busy(
    site: Site, make_spec: MakeSpec, encode: Callable[..., list[tuple[bytes, int]]]
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            await session.append(encode([ROWS, []]))
            await site.settled()
            await session.end(0)
        assert (await site.ended(session.live)).state is TaskState.COMPLETED


async def test_tasks_run_in_the_order_they_came(site: Site, make_spec: MakeSpec) -> None:
    tasks = [await site.push(make_spec(f"r{number}"), ROWS) for number in range(3)]
    async with site.running():
        for live in tasks:
            await live.ended.wait()
    assert site.writers.opened == ["r0", "r1", "r2"]


async def test_more_urgent_task_that_comes_later_runs_first(
    site: Site, make_spec: MakeSpec
) -> None:
    site.writers.gate.close()
    async with site.running():
        await site.push(make_spec("running"), ROWS)
        await site.writers.gate.reached()
        later = await site.push(make_spec("has time", priority=1000), ROWS)
        await wait_all_tasks_blocked()
        await site.push(make_spec("urgent"), ROWS)
        site.writers.gate.open()
        await later.ended.wait()
    assert site.writers.opened == ["running", "urgent", "has time"]


async def test_as_many_tasks_run_as_there_are_slots(
    make_site: MakeSite, make_spec: MakeSpec
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 2})
    site.writers.gate.close()
    async with site.running():
        tasks = [await site.push(make_spec(f"r{number}"), ROWS) for number in range(4)]
        await site.writers.gate.reached()
        await wait_all_tasks_blocked()
        assert site.live_tasks.count(TaskState.PROCESSING) == 2
        site.writers.gate.open()
        for live in tasks:
            await live.ended.wait()


async def test_upload_frees_the_slot(site: Site, make_spec: MakeSpec) -> None:
    site.storage.gate.close()
    async with site.running():
        uploading = await site.push(make_spec("r1"), ROWS)
        await site.storage.gate.reached()
        following = await site.push(make_spec("r2"), ROWS)
        await following.changed.wait_for(lambda: following.task.state is TaskState.UPLOADING)
        assert uploading.task.state is TaskState.UPLOADING
        site.storage.gate.open()
        await following.ended.wait()


async def test_what_the_file_is_is_recorded_before_it_can_become_the_object(
    site: Site, make_spec: MakeSpec
) -> None:
    site.storage.gate.close()
    async with site.running():
        live = await site.push(make_spec(format=Format.EXCEL), ROWS)
        await site.storage.gate.reached()
        recorded = await site.task(live)
        assert recorded.state is TaskState.UPLOADING
        site.storage.gate.open()
        task = await site.ended(live)
    content = site.storage.content(task.object_key)
    assert recorded.object_key == task.object_key
    assert recorded.sha256 == task.sha256 == hashlib.sha256(content).hexdigest()
    assert recorded.file_bytes == len(content)


async def test_states_and_events_come_in_their_order(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    live = await site.push(make_spec(), ROWS)
    async with site.running():
        await live.ended.wait()
    kinds = [type(event).__name__ for event in events.all]
    assert kinds == [
        "TaskCreated", "TaskQueued", "BatchReceived", "TaskDequeued", "TaskStarted",
        "FileCreated", "RecordsWritten", "FileFinalized", "FileStored", "TaskCompleted",
        "TempFileDeleted",
    ]  # fmt: skip


# Failures.


async def _failed(site: Site, spec: ExportSpec, rows: list[Row]) -> Task:
    """Run a task to its failure, then another one to show that the service goes on."""
    async with site.running():
        task = await site.ended(await site.push(spec, rows))
        assert site.remains() == []
        site.writers.failure = None
        site.storage.refuses = site.storage.loses = False
        following = await site.ended(await site.push(replace(spec, request_id="next"), ROWS[:2]))
    assert following.state is TaskState.COMPLETED
    return task


async def test_row_the_options_forbid_fails_the_task_with_its_place(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    spec = make_spec(options=FormatOptions(on_bad_value="fail"))
    task = await _failed(site, spec, [("1", "a"), ("many", "b")])
    assert (task.state, task.error_code) == (TaskState.FAILED, "INVALID_ROW")
    assert (task.error_context["row"], task.error_context["got"]) == ("2", "many")
    (failed,) = events.of(event_kinds.TaskFailed)
    assert failed.error_code == "INVALID_ROW"


async def test_unexpected_error_is_internal_and_tells_the_client_nothing(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    site.writers.failure = ZeroDivisionError("the secret is 42")
    task = await _failed(site, make_spec(), ROWS)
    assert (task.state, task.error_code) == (TaskState.FAILED, "INTERNAL")
    assert "42" not in task.error_message + str(task.error_context)
    (reported,) = events.of(event_kinds.SystemError)
    assert (reported.where, reported.task_id) == ("pipeline", task.id)
    assert isinstance(reported.error, ZeroDivisionError)


async def test_storage_that_refuses_the_file_fails_the_task(
    site: Site, make_spec: MakeSpec
) -> None:
    site.storage.refuses = True
    task = await _failed(site, make_spec(), ROWS)
    assert (task.state, task.error_code) == (TaskState.FAILED, "STORAGE_UNAVAILABLE")
    assert task.object_key == ""


async def test_file_that_can_not_be_hashed_is_not_kept(site: Site, make_spec: MakeSpec) -> None:
    site.writers.digest_failure = RowferryError(ErrorCode.WRITE_FAILED, "The disk is broken.")
    async with site.running():
        task = await site.ended(await site.push(make_spec(format=Format.EXCEL), ROWS))
    assert (task.state, task.error_code) == (TaskState.FAILED, "WRITE_FAILED")
    assert site.remains() == []


async def test_file_the_storage_lost_is_not_called_complete(
    site: Site, make_spec: MakeSpec
) -> None:
    site.storage.loses = True
    task = await _failed(site, make_spec(), ROWS)
    assert (task.state, task.error_code) == (TaskState.FAILED, "UPLOAD_FAILED")


async def test_temporary_folder_that_can_not_be_made_fails_the_task(
    site: Site, make_spec: MakeSpec
) -> None:
    await trio.Path(site.config.temp_directory).write_bytes(b"a file is in the way")
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert (task.state, task.error_code) == (TaskState.FAILED, "WRITE_FAILED")


async def test_store_that_fails_once_ends_the_run_and_not_the_service(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, events: EventNotes
) -> None:
    async def fail(*_: object, expected: TaskState) -> Task:
        await trio.lowlevel.checkpoint()
        raise RowferryError(ErrorCode.INTERNAL, f"The task database failed after {expected}.")

    await site.push(make_spec("r1"), ROWS)
    async with site.running():
        with monkeypatch.context() as patch:
            patch.setattr(MemoryTaskStore, "update", fail)
            await site.settled()
        assert [event.where for event in events.of(event_kinds.SystemError)] == ["fail"]
        following = await site.ended(await site.push(make_spec("r2"), ROWS))
    assert following.state is TaskState.COMPLETED


async def test_log_that_can_not_be_removed_is_reported_and_the_task_ends(
    site: Site, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, events: EventNotes
) -> None:
    def fail(*_: object) -> None:
        raise RowferryError(ErrorCode.WRITE_FAILED, "It is stuck.")

    monkeypatch.setattr(MemorySpool, "delete", fail)
    async with site.running():
        task = await site.ended(await site.push(make_spec(), ROWS))
    assert task.state is TaskState.COMPLETED
    assert [event.where for event in events.of(event_kinds.SystemError)] == ["cleanup"]
    assert len(site.live_tasks) == 0


async def test_task_that_is_gone_from_this_service_is_passed_over(
    site: Site, make_spec: MakeSpec
) -> None:
    nobodys = QueuedTask(task_id="nobody's", client="shop", priority=1, source=Source.PUSH)
    site.adapters.queue.offer(nobodys)
    async with site.running():
        assert (await site.ended(await site.push(make_spec(), ROWS))).state is TaskState.COMPLETED


async def test_error_of_a_run_whose_task_has_ended_changes_nothing(
    site: Site, make_spec: MakeSpec, events: EventNotes
) -> None:
    site.writers.gate.close()
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await site.writers.gate.reached()
        site.writers.failure = RowferryError(ErrorCode.WRITE_FAILED, "Too late to matter.")
        nursery.start_soon(site.exports.commands.cancel, "shop", live.task.id, "")
        await live.changed.wait_for(lambda: live.task.is_final)
        site.writers.gate.open()
        assert (await site.ended(live)).state is TaskState.CANCELLED
    assert events.of(event_kinds.SystemError) == []
    assert events.of(event_kinds.TaskFailed) == []


# Stopping.


async def test_stopped_service_starts_no_more_tasks(site: Site, make_spec: MakeSpec) -> None:
    async with site.running():
        site.exports.dispatcher.stop_claiming()
        live = await site.push(make_spec(), ROWS)
        await site.settled()
        assert live.task.state is TaskState.QUEUED


async def test_whole_tasks_are_waited_for_and_open_ones_are_not(
    make_site: MakeSite, make_spec: MakeSpec, encode: Callable[..., list[tuple[bytes, int]]]
) -> None:
    site = make_site(concurrency={"max_concurrent_tasks": 2})
    async with site.running() as nursery:
        with await site.open(make_spec("open")) as session:
            await session.append(encode([ROWS]))
            await session.live.changed.wait_for(lambda: session.live.rows_written == 3)
            site.writers.gate.close()
            whole = await site.push(make_spec("whole"), ROWS)
            await site.writers.gate.reached()
            waited = trio.Event()

            async def wait() -> None:
                await site.exports.dispatcher.wait_for_whole_tasks()
                waited.set()

            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            assert not waited.is_set()
            site.writers.gate.open()
            await waited.wait()
            assert whole.task.state is TaskState.COMPLETED
            assert session.live.task.state is TaskState.PROCESSING


async def test_interrupted_run_goes_back_to_the_queue_with_its_rows(
    site: Site, make_spec: MakeSpec, encode: Callable[..., list[tuple[bytes, int]]]
) -> None:
    async with site.running():
        with await site.open(make_spec()) as session:
            live = session.live
            await session.append(encode([ROWS]))
            await live.changed.wait_for(lambda: live.rows_written == 3)
    task = await site.task(live)
    assert (task.state, task.rows_received, task.object_key) == (TaskState.QUEUED, 3, "")
    assert list(site.adapters.spool.task_ids()) == [task.id]
    assert site.temporary_files() == []


async def test_interrupted_upload_goes_back_to_the_queue_and_its_object_is_found_there(
    site: Site, make_spec: MakeSpec
) -> None:
    site.storage.gate.close()
    async with site.running() as nursery:
        live = await site.push(make_spec(), ROWS)
        await site.storage.gate.reached()
        nursery.cancel_scope.cancel()
        site.storage.gate.open()
    task = await site.task(live)
    assert (task.state, task.object_key) == (TaskState.QUEUED, f"exports/{task.id}/1.csv")
    again = site.restarted()
    opened = len(site.writers.opened)
    await again.exports.recovery.run()
    async with again.running():
        found = again.live_tasks.find("shop", task.id)
        assert found is not None
        task = await again.ended(found)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)
    assert site.storage.keys() == [task.object_key]
    assert len(site.writers.opened) == opened


async def test_cleanup_that_takes_too_long_is_left_to_the_next_start(
    site: Site,
    make_spec: MakeSpec,
    monkeypatch: pytest.MonkeyPatch,
    mock_clock: trio.testing.MockClock,
    events: EventNotes,
) -> None:
    async def hang(*_: object, keep_log: bool) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Cleanup, "close", hang)
    live = (await site.open(make_spec())).live
    async with trio.open_nursery() as nursery:
        nursery.start_soon(site.exports.commands.cancel, "shop", live.task.id, "")
        await wait_all_tasks_blocked()
        mock_clock.jump(CLEANUP_SECONDS)
    assert len(site.live_tasks) == 0
    assert isinstance(events.of(event_kinds.SystemError)[0].error, trio.TooSlowError)
