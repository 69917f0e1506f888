"""What every TaskStore does with single tasks."""

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
import trio.testing

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Column, ExportSpec, Format, Sheet
from rowferry.domain.task import (
    TRANSITIONS,
    UNFINISHED,
    FidelityIssue,
    Source,
    Stage,
    Task,
    TaskState,
)
from rowferry.ports import Chore, TaskQuery, TaskStore

NewTask = Callable[..., Task]
DOCUMENT = ExportSpec(
    request_id="request",
    format=Format.CSV,
    filename='订单 "2024" 📦',
    sheets=(Sheet(name="Sheet1", columns=(Column(name="Größe"), Column(name="数量"))),),
    tags={"team": "sales"},
).document()
CHANGES: dict[str, Any] = {
    "stage": Stage.WRITING,
    "priority": 7,
    "attempt": 2,
    "expected_rows": 2**62,
    "rows_received": 2**53 + 1,
    "rows_written": 12,
    "rows_ended": True,
    "error_code": "INVALID_ROW",
    "error_message": "Row 3 has 2 cells.",
    "error_context": {"row": "3", "got": "„zwei“"},
    "home_node": "node 2",
    "home_address": "rows-2.example:9090",
    "lease_owner": "node 2:1",
    "run_at": datetime(2025, 1, 2, 3, 4, 6, 1, tzinfo=UTC),
    "queued_at": datetime(2025, 1, 2, 3, 4, 6, 2, tzinfo=UTC),
    "dispatched_at": datetime(2025, 1, 2, 3, 4, 6, 3, tzinfo=UTC),
    "file_expires_at": datetime(2025, 1, 2, 3, 4, 6, 4, tzinfo=UTC),
    "spool_expires_at": datetime(2025, 1, 2, 3, 4, 6, 5, tzinfo=UTC),
    "cancel_reason": "no longer needed",
    "object_key": "exports/1/1.xlsx",
    "storage": "oss",
    "upload_id": "0004B9895DBBB6EC98E36",
    "object_crc64": "995dc9bbdf1939fa",
    "file_bytes": 2**40,
    "sha256": "ab" * 32,
    "fidelity": (FidelityIssue(kind="text_cut", cells=3, first_row=9, first_column=0),),
    "started_at": datetime(2025, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC),
    "finished_at": datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    "link_expires_at": datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
}
IDENTITY = {
    "id", "client", "request_id", "request_hash", "format", "filename", "owner", "source",
    "provider", "created_at",
}  # fmt: skip


async def test_created_task_is_found_by_id_and_by_request(
    store: TaskStore, new_task: NewTask
) -> None:
    task = new_task(
        owner="Zoë", filename="Übersicht", source=Source.PULL, provider="sql_query", **CHANGES
    )
    assert await store.create(task, DOCUMENT) == task
    assert await store.get("shop", task.id) == task
    assert await store.find_request("shop", task.request_id) == task


async def test_request_comes_back_as_it_was_given(store: TaskStore, new_task: NewTask) -> None:
    task = new_task()
    await store.create(task, DOCUMENT)
    document = await store.document("shop", task.id)
    assert document == DOCUMENT
    assert ExportSpec.from_document(document or {}).filename == '订单 "2024" 📦'


async def test_request_that_was_handed_out_can_not_be_changed(
    store: TaskStore, new_task: NewTask
) -> None:
    task = new_task()
    document = {"sheets": [{"name": "a"}]}
    await store.create(task, document)
    document["sheets"].clear()
    ((await store.document("shop", task.id)) or {})["sheets"].clear()
    assert await store.document("shop", task.id) == {"sheets": [{"name": "a"}]}


async def test_unknown_tasks_are_none(store: TaskStore) -> None:
    assert await store.get("shop", "0" * 32) is None
    assert await store.document("shop", "0" * 32) is None
    assert await store.find_request("shop", "request") is None


async def test_taken_request_id_creates_nothing(store: TaskStore, new_task: NewTask) -> None:
    first = new_task(request_id="same")
    second = new_task(request_id="same")
    await store.create(first, DOCUMENT)
    assert await store.create(second, DOCUMENT) is None
    assert await store.get("shop", second.id) is None
    assert await store.document("shop", second.id) is None
    assert await store.find_request("shop", "same") == first


async def test_creation_that_is_repeated_is_the_same(store: TaskStore, new_task: NewTask) -> None:
    task = new_task()
    await store.create(task, DOCUMENT)
    running = replace(task, state=TaskState.PROCESSING)
    running = await store.update(running, expected=TaskState.QUEUED)
    assert await store.create(task, DOCUMENT) == running


async def test_request_ids_of_two_clients_do_not_meet(store: TaskStore, new_task: NewTask) -> None:
    ours = new_task(client="shop", request_id="same")
    theirs = new_task(client="bank", request_id="same")
    assert await store.create(ours, DOCUMENT) == ours
    assert await store.create(theirs, DOCUMENT) == theirs
    assert await store.find_request("bank", "same") == theirs


async def test_request_ids_differ_by_case_and_accents(store: TaskStore, new_task: NewTask) -> None:
    for request_id in ("a", "A", "ä", "a ", "а"):  # noqa: RUF001  the last one is Cyrillic
        task = new_task(request_id=request_id)
        assert await store.create(task, DOCUMENT) == task


async def test_one_of_eight_creators_of_a_request_wins(
    store: TaskStore, new_task: NewTask
) -> None:
    outcomes: list[Task | None] = []

    async def create(task: Task) -> None:
        outcomes.append(await store.create(task, DOCUMENT))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(create, new_task(request_id="same"))
    winners = [task for task in outcomes if task is not None]
    assert len(outcomes) == 8
    assert winners == [await store.find_request("shop", "same")]


async def test_update_writes_every_field_that_can_change(
    store: TaskStore, new_task: NewTask
) -> None:
    assert set(CHANGES) | IDENTITY | {"state", "version"} == {f.name for f in fields(Task)}
    task = new_task()
    await store.create(task, DOCUMENT)
    wanted = replace(task, state=TaskState.PROCESSING, **CHANGES)
    updated = await store.update(wanted, expected=TaskState.QUEUED)
    assert updated == replace(wanted, version=2)
    assert await store.get("shop", task.id) == updated


async def test_tasks_of_all_clients_are_found_by_their_ids(
    store: TaskStore, new_task: NewTask
) -> None:
    ours, theirs, other = new_task(), new_task(client="bank"), new_task(request_id="other")
    for task in (ours, theirs, other):
        await store.create(task, DOCUMENT)
    found = await store.find([ours.id, theirs.id, "0" * 32])
    assert found == {ours.id: ours, theirs.id: theirs}
    assert await store.find([]) == {}


async def test_stage_changes_within_processing(store: TaskStore, new_task: NewTask) -> None:
    task = new_task(state=TaskState.PROCESSING, stage=Stage.WRITING)
    await store.create(task, DOCUMENT)
    wanted = replace(task, stage=Stage.FINALIZING)
    updated = await store.update(wanted, expected=TaskState.PROCESSING)
    assert updated.stage is Stage.FINALIZING


async def test_stale_version_changes_nothing(store: TaskStore, new_task: NewTask) -> None:
    task = new_task()
    await store.create(task, DOCUMENT)
    winner = await store.update(
        replace(task, state=TaskState.PROCESSING), expected=TaskState.QUEUED
    )
    with pytest.raises(RowferryError) as caught:
        await store.update(replace(task, state=TaskState.CANCELLED), expected=TaskState.QUEUED)
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert caught.value.context == {"task_id": task.id, "state": "QUEUED"}
    assert await store.get("shop", task.id) == winner


async def test_current_version_in_another_state_changes_nothing(
    store: TaskStore, new_task: NewTask
) -> None:
    task = new_task(state=TaskState.UPLOADING)
    await store.create(task, DOCUMENT)
    with pytest.raises(RowferryError) as caught:
        await store.update(replace(task, state=TaskState.CANCELLED), expected=TaskState.PROCESSING)
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert await store.get("shop", task.id) == task


async def test_update_of_an_unknown_task_is_refused(store: TaskStore, new_task: NewTask) -> None:
    with pytest.raises(RowferryError) as caught:
        await store.update(
            replace(new_task(), state=TaskState.CANCELLED), expected=TaskState.QUEUED
        )
    assert caught.value.code is ErrorCode.INVALID_STATE


async def test_one_of_eight_changes_of_a_task_wins(store: TaskStore, new_task: NewTask) -> None:
    task = new_task()
    await store.create(task, DOCUMENT)
    won: list[Task] = []
    lost: list[ErrorCode] = []

    async def cancel(reason: str) -> None:
        wanted = replace(task, state=TaskState.CANCELLED, cancel_reason=reason)
        try:
            won.append(await store.update(wanted, expected=TaskState.QUEUED))
        except RowferryError as error:
            lost.append(error.code)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(cancel, f"reason {number}")
    assert won == [await store.get("shop", task.id)]
    assert lost == [ErrorCode.INVALID_STATE] * 7


async def test_store_allows_exactly_the_transitions_of_the_table(
    store: TaskStore, new_task: NewTask
) -> None:
    for state, wanted in itertools.product(TaskState, repeat=2):
        task = new_task(state=state)
        await store.create(task, DOCUMENT)
        change = replace(task, state=wanted)
        if wanted in TRANSITIONS[state]:
            await store.update(change, expected=state)
            assert await store.get("shop", task.id) == replace(change, version=2)
        else:
            with pytest.raises(RowferryError) as caught:
                await store.update(change, expected=state)
            assert caught.value.code is ErrorCode.INVALID_STATE
            assert await store.get("shop", task.id) == task


async def test_other_clients_see_and_change_nothing(store: TaskStore, new_task: NewTask) -> None:
    task = new_task(client="shop")
    await store.create(task, DOCUMENT)
    assert await store.get("bank", task.id) is None
    assert await store.document("bank", task.id) is None
    assert await store.find_request("bank", task.request_id) is None
    assert (await store.list("bank", TaskQuery())).tasks == ()
    with pytest.raises(RowferryError) as caught:
        await store.update(
            replace(task, client="bank", state=TaskState.CANCELLED), expected=TaskState.QUEUED
        )
    assert caught.value.code is ErrorCode.INVALID_STATE
    assert await store.get("shop", task.id) == task


async def test_unfinished_are_those_of_all_clients_oldest_first(
    store: TaskStore, new_task: NewTask
) -> None:
    tasks = [new_task(state=state, client=f"client of {state}") for state in TaskState]
    for task in reversed(tasks):
        await store.create(task, DOCUMENT)
    unfinished = await store.unfinished("")
    assert list(unfinished) == [task for task in tasks if task.state in UNFINISHED]


async def test_store_answers(store: TaskStore) -> None:
    await store.health()


async def test_every_method_lets_others_run(store: TaskStore, new_task: NewTask) -> None:
    task = new_task()
    with trio.testing.assert_checkpoints():
        await store.create(task, DOCUMENT)
    wanted = replace(task, state=TaskState.CANCELLED)
    for call in (
        lambda: store.find_request("shop", task.request_id),
        lambda: store.get("shop", task.id),
        lambda: store.document("shop", task.id),
        lambda: store.update(wanted, expected=TaskState.QUEUED),
        lambda: store.list("shop", TaskQuery()),
        lambda: store.unfinished(""),
        lambda: store.renew([]),
        lambda: store.request_cancel("shop", task.id, ""),
        lambda: store.cancel_reason("shop", task.id),
        lambda: store.reserve("node 1"),
        lambda: store.awaiting(Chore.DUE, node="", before=task.created_at, limit=1),
        store.queued_pulls,
        store.identity,
        lambda: store.delete("shop", task.id),
        store.health,
    ):
        with trio.testing.assert_checkpoints():
            await call()


async def test_cancelled_creation_is_whole_or_not_at_all(
    store: TaskStore, new_task: NewTask
) -> None:
    task = new_task()
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.create(task, DOCUMENT)
    assert await store.get("shop", task.id) is None
    assert await store.create(task, DOCUMENT) == task


async def test_store_has_an_identity_that_stays(store: TaskStore, new_task: NewTask) -> None:
    identity = await store.identity()
    await store.create(new_task(), DOCUMENT)
    assert await store.identity() == identity
    assert len(identity) == 32
