"""What every TaskStore says of work: who does it, what is to be done, what comes first."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import Source, Task, TaskState
from rowferry.ports import Chore, Renewal, TaskStore

NewTask = Callable[..., Task]
NOW = datetime(2025, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def _started(store: TaskStore, task: Task, owner: str = "node 1") -> Task:
    """Create a task and let a process claim it."""
    await store.create(task, {})
    running = replace(task, state=TaskState.PROCESSING, lease_owner=owner, attempt=1)
    return await store.update(running, expected=TaskState.QUEUED)


async def _awaiting(
    store: TaskStore, chore: Chore, *, node: str = "", limit: int = 99
) -> set[str]:
    tasks = await store.awaiting(chore, node=node, before=NOW, limit=limit)
    return {task.id for task in tasks}


async def _refused(store: TaskStore, task: Task, expected: TaskState) -> bool:
    with pytest.raises(RowferryError) as caught:
        await store.update(task, expected=expected)
    return caught.value.code is ErrorCode.INVALID_STATE


async def test_heartbeat_notes_progress_and_keeps_the_version(
    store: TaskStore, new_task: NewTask
) -> None:
    task = await _started(store, new_task())
    ahead = replace(task, rows_written=5, rows_received=9, rows_ended=True)
    assert await store.renew([ahead]) == [Renewal(task_id=task.id, held=True)]
    assert await store.get("shop", task.id) == ahead


async def test_heartbeats_of_many_tasks_are_answered_in_their_order(
    store: TaskStore, new_task: NewTask
) -> None:
    tasks = [await _started(store, new_task()) for _ in range(3)]
    await store.update(replace(tasks[1], state=TaskState.CANCELLED), expected=tasks[1].state)
    renewals = await store.renew(tasks[::-1])
    assert [renewal.task_id for renewal in renewals] == [task.id for task in tasks[::-1]]
    assert [renewal.held for renewal in renewals] == [True, False, True]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 3},
        {"lease_owner": "node 2"},
        {"client": "bank"},
        {"id": "0" * 32},
    ],
    ids=str,
)
async def test_heartbeat_of_who_has_no_lease_changes_nothing(
    store: TaskStore, new_task: NewTask, change: dict[str, Any]
) -> None:
    task = await _started(store, new_task())
    (renewal,) = await store.renew([replace(task, rows_written=5, **change)])
    assert not renewal.held
    assert await store.get("shop", task.id) == task


async def test_heartbeat_of_a_task_that_waits_changes_nothing(
    store: TaskStore, new_task: NewTask
) -> None:
    task = new_task(source=Source.PULL)
    await store.create(task, {})
    await store.reserve("node 1")
    reserved = await store.get("shop", task.id)
    assert reserved is not None
    assert [renewal.held for renewal in await store.renew([reserved])] == [False]


async def test_lease_that_is_over_shows_the_task_as_lapsed(
    forgetful_store: TaskStore, new_task: NewTask
) -> None:
    store = forgetful_store
    task = await _started(store, new_task())
    assert await _awaiting(store, Chore.LAPSED, node="another") == {task.id}
    uploading = replace(task, state=TaskState.UPLOADING)
    await store.update(uploading, expected=TaskState.PROCESSING)
    assert await _awaiting(store, Chore.LAPSED) == {task.id}


async def test_lease_that_is_not_over_does_not_lapse(store: TaskStore, new_task: NewTask) -> None:
    task = await _started(store, new_task())
    assert await _awaiting(store, Chore.LAPSED) == set()
    await store.renew([task])
    assert await _awaiting(store, Chore.LAPSED) == set()


async def test_running_task_without_a_lease_is_lapsed(store: TaskStore, new_task: NewTask) -> None:
    task = await _started(store, new_task(), owner="")
    assert await _awaiting(store, Chore.LAPSED) == {task.id}


async def test_zombie_writes_nothing_once_its_lease_was_taken(
    forgetful_store: TaskStore, new_task: NewTask
) -> None:
    store = forgetful_store
    zombie = await _started(store, new_task(), owner="zombie")
    lapsed = replace(
        zombie, state=TaskState.FAILED, lease_owner="", error_code="LEASE_EXPIRED", run_at=NOW
    )
    failed = await store.update(lapsed, expected=zombie.state)
    requeued = replace(failed, state=TaskState.QUEUED, attempt=2, run_at=None)
    queued = await store.update(requeued, expected=failed.state)
    heir = replace(queued, state=TaskState.PROCESSING, lease_owner="heir")
    running = await store.update(heir, expected=queued.state)
    for late in (TaskState.PROCESSING, TaskState.UPLOADING, TaskState.FAILED):
        assert await _refused(store, replace(zombie, state=late), TaskState.PROCESSING)
    assert [renewal.held for renewal in await store.renew([zombie])] == [False]
    assert await store.get("shop", zombie.id) == running


async def test_wish_to_cancel_reaches_the_owner_with_the_next_heartbeat(
    store: TaskStore, new_task: NewTask
) -> None:
    task = await _started(store, new_task())
    assert await store.request_cancel("shop", task.id, "too late")
    assert await store.get("shop", task.id) == task
    assert await store.cancel_reason("shop", task.id) == "too late"
    expected = Renewal(task_id=task.id, held=True, cancel_reason="too late")
    assert await store.renew([task]) == [expected]


async def test_wish_to_cancel_outlives_a_change_within_the_run_but_not_its_end(
    store: TaskStore, new_task: NewTask
) -> None:
    task = await _started(store, new_task())
    await store.request_cancel("shop", task.id, "too late")
    uploading = await store.update(
        replace(task, state=TaskState.UPLOADING), expected=TaskState.PROCESSING
    )
    assert await store.cancel_reason("shop", task.id) == "too late"
    await store.update(replace(uploading, state=TaskState.QUEUED), expected=TaskState.UPLOADING)
    assert await store.cancel_reason("shop", task.id) is None


async def test_task_that_does_not_run_takes_no_wish(store: TaskStore, new_task: NewTask) -> None:
    for state in set(TaskState) - {TaskState.PROCESSING, TaskState.UPLOADING}:
        task = new_task(state=state)
        await store.create(task, {})
        assert not await store.request_cancel("shop", task.id, "")
        assert await store.cancel_reason("shop", task.id) is None


async def test_wish_of_another_client_is_none(store: TaskStore, new_task: NewTask) -> None:
    task = await _started(store, new_task())
    assert not await store.request_cancel("bank", task.id, "envy")
    await store.request_cancel("shop", task.id, "")
    assert await store.cancel_reason("bank", task.id) is None
    assert await store.cancel_reason("shop", task.id) == ""
    assert await store.cancel_reason("shop", "0" * 32) is None


async def _filled(store: TaskStore, *tasks: Task) -> None:
    for task in tasks:
        await store.create(task, {})


async def _reserved_names(store: TaskStore) -> list[str]:
    """Reserve until there is nothing left; give the names of the tasks."""
    names = []
    while (task_id := await store.reserve("node 1")) is not None:
        (task,) = [
            task
            for client in ("shop", "bank", "club")
            if (task := await store.get(client, task_id)) is not None
        ]
        names.append(task.filename)
    return names


async def test_empty_queue_reserves_nothing(store: TaskStore, new_task: NewTask) -> None:
    await _filled(store, new_task())  # pushed
    await _filled(
        store, *(new_task(source=Source.PULL, state=s) for s in TaskState if s != "QUEUED")
    )
    assert await store.reserve("node 1") is None
    assert await store.queued_pulls() == 0


async def test_reservation_is_a_lease_on_a_new_version(
    store: TaskStore, new_task: NewTask
) -> None:
    task = new_task(source=Source.PULL)
    await store.create(task, {})
    assert await store.reserve("node 1") == task.id
    reserved = replace(task, lease_owner="node 1", version=2)
    assert await store.get("shop", task.id) == reserved
    assert await store.reserve("node 2") is None
    assert await store.queued_pulls() == 1
    running = replace(reserved, state=TaskState.PROCESSING)
    await store.update(running, expected=TaskState.QUEUED)
    assert await store.queued_pulls() == 0


async def test_clients_that_are_held_are_passed_over(store: TaskStore, new_task: NewTask) -> None:
    clients = ["shop", "bank", "club", "shop"]
    tasks = [new_task(source=Source.PULL, client=client, priority=100) for client in clients]
    await _filled(store, *tasks)
    assert await store.reserve("node 1", {"shop", "bank"}) == tasks[2].id
    assert await store.reserve("node 1", ["shop", "bank"]) is None
    assert await store.reserve("node 1") == tasks[0].id


async def test_pulled_tasks_in_line_are_counted_by_client_too(
    store: TaskStore, new_task: NewTask
) -> None:
    clients = ["shop", "shop ", "shop"]
    await _filled(store, *(new_task(source=Source.PULL, client=client) for client in clients))
    counted = [await store.queued_pulls(client) for client in (None, "shop", "shop ", "bank")]
    assert counted == [3, 2, 1, 0]


async def test_reservation_ends_by_itself(forgetful_store: TaskStore, new_task: NewTask) -> None:
    store = forgetful_store
    task = new_task(source=Source.PULL)
    await store.create(task, {})
    assert await store.reserve("node 1") == task.id
    assert await store.reserve("node 2") == task.id
    stored = await store.get("shop", task.id)
    assert stored is not None
    assert (stored.lease_owner, stored.version) == ("node 2", 3)


async def test_task_that_is_queued_later_can_be_reserved(
    store: TaskStore, new_task: NewTask
) -> None:
    task = new_task(source=Source.PULL, state=TaskState.SCHEDULED, run_at=NOW)
    await store.create(task, {})
    assert await store.reserve("node 1") is None
    await store.update(replace(task, state=TaskState.QUEUED), expected=TaskState.SCHEDULED)
    assert await store.reserve("node 1") == task.id


async def test_tasks_of_one_client_go_by_priority_then_by_age(
    store: TaskStore, new_task: NewTask
) -> None:
    priorities = {"late": 300, "first": 100, "second": 100, "now": 50, "never": 1000}
    tasks = [
        new_task(source=Source.PULL, filename=name, priority=priority)
        for name, priority in priorities.items()
    ]
    await _filled(store, *tasks)
    assert await _reserved_names(store) == ["now", "first", "second", "late", "never"]


async def test_clients_take_turns_whatever_their_priorities(
    store: TaskStore, new_task: NewTask
) -> None:
    await _filled(
        store,
        *(new_task(source=Source.PULL, client="shop", filename=f"s{n}") for n in range(4)),
        *(
            new_task(source=Source.PULL, client="bank", filename=f"b{n}", priority=500)
            for n in range(2)
        ),
    )
    assert await _reserved_names(store) == ["s0", "b0", "s1", "b1", "s2", "s3"]


async def test_urgent_class_goes_first_and_has_turns_of_its_own(
    store: TaskStore, new_task: NewTask
) -> None:
    await _filled(
        store,
        new_task(source=Source.PULL, client="shop", filename="s ordinary"),
        *(
            new_task(source=Source.PULL, client="bank", filename=f"b{n}", priority=99)
            for n in range(2)
        ),
        new_task(source=Source.PULL, client="bank", filename="b ordinary"),
        new_task(source=Source.PULL, client="club", filename="c0", priority=1),
    )
    assert await _reserved_names(store) == ["c0", "b0", "b1", "s ordinary", "b ordinary"]


async def test_idleness_saves_nothing_up(store: TaskStore, new_task: NewTask) -> None:
    await _filled(
        store, *(new_task(source=Source.PULL, client="shop", filename=f"s{n}") for n in range(9))
    )
    for _ in range(6):
        await store.reserve("node 1")
    await _filled(
        store, *(new_task(source=Source.PULL, client="bank", filename=f"b{n}") for n in range(3))
    )
    names = await _reserved_names(store)
    assert Counter(name[0] for name in names[:4]) == {"s": 2, "b": 2}


async def test_each_task_is_reserved_by_one_of_many_who_ask_at_once(
    store: TaskStore, new_task: NewTask
) -> None:
    tasks = [
        new_task(source=Source.PULL, client=client)
        for client in ("shop", "bank")
        for _ in range(10)
    ]
    await _filled(store, *tasks)
    reserved: list[str] = []

    async def ask(owner: str) -> None:
        while (task_id := await store.reserve(owner)) is not None:
            reserved.append(task_id)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(ask, f"node {number}")
    assert sorted(reserved) == sorted(task.id for task in tasks)


EARLIER, LATER = NOW - SECOND, NOW + SECOND
PULLED = {"source": Source.PULL}
HERE, THERE = {"home_node": "here"}, {"home_node": "there"}
CHORES: list[tuple[Chore, bool, dict[str, Any]]] = [
    (Chore.DUE, True, {"state": "SCHEDULED", "run_at": NOW, **PULLED}),
    (Chore.DUE, True, {"state": "FAILED", "run_at": EARLIER, **PULLED, **THERE}),
    (Chore.DUE, True, {"state": "FAILED", "run_at": EARLIER, **HERE}),
    (Chore.DUE, False, {"state": "FAILED", "run_at": EARLIER, **THERE}),
    (Chore.DUE, False, {"state": "SCHEDULED", "run_at": LATER, **PULLED}),
    (Chore.DUE, False, {"state": "FAILED", **PULLED}),
    (Chore.DUE, False, {"state": "QUEUED", "run_at": EARLIER, **PULLED}),
    (Chore.UNDISPATCHED, True, {**PULLED}),
    (Chore.UNDISPATCHED, False, {"dispatched_at": EARLIER, **PULLED}),
    (Chore.UNDISPATCHED, False, {"state": "SCHEDULED", "run_at": NOW, **PULLED}),
    (Chore.UNDISPATCHED, False, {}),
    (Chore.OVERDUE, True, {"queued_at": NOW, "dispatched_at": EARLIER, **PULLED}),
    (Chore.OVERDUE, False, {"queued_at": LATER, **PULLED}),
    (Chore.OVERDUE, False, {"queued_at": EARLIER, "state": "PROCESSING", **PULLED}),
    (Chore.OVERDUE, False, {"queued_at": EARLIER, **HERE}),
    (Chore.FILE_EXPIRED, True, {"state": "COMPLETED", "file_expires_at": NOW, **THERE}),
    (Chore.FILE_EXPIRED, False, {"state": "COMPLETED", "file_expires_at": LATER}),
    (Chore.FILE_EXPIRED, False, {"state": "COMPLETED"}),
    (Chore.FILE_EXPIRED, False, {"state": "EXPIRED", "file_expires_at": EARLIER}),
    (Chore.SPOOL_EXPIRED, True, {"state": "FAILED", "spool_expires_at": NOW, **HERE}),
    (Chore.SPOOL_EXPIRED, False, {"state": "FAILED", "spool_expires_at": EARLIER, **THERE}),
    (Chore.SPOOL_EXPIRED, False, {"state": "FAILED", "spool_expires_at": LATER, **HERE}),
    (Chore.SPOOL_EXPIRED, False, {"state": "FAILED", **HERE}),
    (Chore.LEFTOVERS, True, {"state": "CANCELLED", "object_key": "k", **THERE}),
    (Chore.LEFTOVERS, True, {"state": "FAILED", "object_key": "k"}),
    (Chore.LEFTOVERS, False, {"state": "FAILED", "object_key": "k", "run_at": LATER}),
    (Chore.LEFTOVERS, False, {"state": "FAILED"}),
    (Chore.LEFTOVERS, False, {"state": "COMPLETED", "object_key": "k"}),
    (Chore.LEFTOVERS, False, {"state": "UPLOADING", "object_key": "k"}),
    (Chore.FORGETTABLE, True, {"state": "CANCELLED", "finished_at": NOW}),
    (Chore.FORGETTABLE, True, {"state": "EXPIRED", "finished_at": EARLIER, **THERE}),
    (Chore.FORGETTABLE, True, {"state": "FAILED", "finished_at": EARLIER}),
    (Chore.FORGETTABLE, False, {"state": "FAILED", "finished_at": LATER}),
    (Chore.FORGETTABLE, False, {"state": "FAILED", "finished_at": EARLIER, "run_at": LATER}),
    (
        Chore.FORGETTABLE,
        False,
        {"state": "FAILED", "finished_at": EARLIER, "spool_expires_at": LATER},
    ),
    (Chore.FORGETTABLE, False, {"state": "COMPLETED", "finished_at": EARLIER}),
    (Chore.FORGETTABLE, False, {"state": "CANCELLED"}),
]


async def test_scheduler_is_given_what_it_has_to_do_and_nothing_else(
    store: TaskStore, new_task: NewTask
) -> None:
    wanted: dict[Chore, set[str]] = {chore: set() for chore in Chore}
    for chore, awaits, fields in CHORES:
        task = new_task(**(fields | {"state": TaskState(fields.get("state", "QUEUED"))}))
        await store.create(task, {})
        found = await _awaiting(store, chore, node="here")
        assert (task.id in found) == awaits, (chore, fields)
        wanted[chore] |= {task.id} if awaits else set()
        assert found >= wanted[chore]


@pytest.mark.parametrize("chore", Chore)
async def test_scheduler_is_given_no_more_than_it_asked_for(
    store: TaskStore, new_task: NewTask, chore: Chore
) -> None:
    states = {
        Chore.LAPSED: TaskState.PROCESSING,
        Chore.FILE_EXPIRED: TaskState.COMPLETED,
        Chore.UNDISPATCHED: TaskState.QUEUED,
        Chore.OVERDUE: TaskState.QUEUED,
    }
    times = dict.fromkeys(("queued_at", "file_expires_at"), NOW)
    if chore is Chore.DUE:
        times["run_at"] = NOW
    elif chore is Chore.SPOOL_EXPIRED:
        times["spool_expires_at"] = NOW
    else:
        times["finished_at"] = NOW
    state = states.get(chore, TaskState.FAILED)
    key = "k" if chore is Chore.LEFTOVERS else ""
    tasks = [new_task(**PULLED, **times, state=state, object_key=key) for _ in range(3)]
    await _filled(store, *tasks)
    assert len(await _awaiting(store, chore, limit=2)) == 2
    assert len(await _awaiting(store, chore)) == 3


async def test_unfinished_are_the_tasks_of_a_node_and_those_of_none(
    store: TaskStore, new_task: NewTask
) -> None:
    ours, nobodys, theirs = new_task(**HERE), new_task(), new_task(**THERE)
    await _filled(store, ours, nobodys, theirs)
    assert await store.unfinished("here") == [ours, nobodys]


async def test_failed_task_is_unfinished_while_it_awaits_its_retry(
    store: TaskStore, new_task: NewTask
) -> None:
    retried, given_up = (new_task(state=TaskState.FAILED, run_at=run_at) for run_at in (NOW, None))
    await _filled(store, retried, given_up, new_task(state=TaskState.COMPLETED, run_at=NOW))
    assert await store.unfinished("") == [retried]


async def test_deleted_task_is_forgotten_with_its_request(
    store: TaskStore, new_task: NewTask
) -> None:
    task, other = new_task(), new_task()
    await _filled(store, task, other)
    await store.delete("bank", task.id)
    assert await store.get("shop", task.id) == task
    await store.delete("shop", task.id)
    await store.delete("shop", task.id)
    assert await store.get("shop", task.id) is None
    assert await store.document("shop", task.id) is None
    assert await store.find_request("shop", task.request_id) is None
    assert await store.get("shop", other.id) == other
    again = new_task(request_id=task.request_id)
    assert await store.create(again, {}) == again
