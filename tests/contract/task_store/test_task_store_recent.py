"""What every TaskStore tells those who watch: what is not finished, and what is new."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rowferry.domain.task import UNFINISHED, Task, TaskState
from rowferry.ports import RECENT_MAX_CLIENTS, TaskStore

NewTask = Callable[..., Task]
FAR = timedelta(days=1)


async def _created(store: TaskStore, task: Task) -> Task:
    await store.create(task, {})
    return task


async def test_unfinished_tasks_are_recent_however_old(
    store: TaskStore, new_task: NewTask
) -> None:
    tasks = [await _created(store, new_task(state=state)) for state in TaskState]
    found = await store.recent(["shop"], since=tasks[-1].created_at + FAR, limit=10)
    assert [task.state for task in found] == [
        t.state for t in tasks[::-1] if t.state in UNFINISHED
    ]


async def test_tasks_made_since_are_recent_whatever_became_of_them(
    store: TaskStore, new_task: NewTask
) -> None:
    done = [await _created(store, new_task(state=TaskState.COMPLETED)) for _ in range(4)]
    found = await store.recent(["shop"], since=done[2].created_at, limit=10)
    assert list(found) == [done[3], done[2]]


async def test_task_that_is_new_and_unfinished_comes_once(
    store: TaskStore, new_task: NewTask
) -> None:
    task = await _created(store, new_task())
    assert list(await store.recent(["shop"], since=task.created_at, limit=10)) == [task]


async def test_only_tasks_of_the_clients_asked_about_are_told(
    store: TaskStore, new_task: NewTask
) -> None:
    tasks = [await _created(store, new_task(client=name)) for name in ("shop", "bank", "spy")]
    found = await store.recent(["shop", "bank"], since=tasks[0].created_at - FAR, limit=10)
    assert {task.client for task in found} == {"shop", "bank"}
    assert list(await store.recent([], since=tasks[0].created_at - FAR, limit=10)) == []


async def test_limit_holds_for_each_client_by_itself(store: TaskStore, new_task: NewTask) -> None:
    old = await _created(store, new_task(client="bank"))
    loud = [await _created(store, new_task()) for _ in range(5)]
    found = await store.recent(["shop", "bank"], since=loud[-1].created_at + FAR, limit=3)
    assert list(found) == [*loud[:1:-1], old]


async def test_more_clients_than_a_question_has_room_for_are_left_out(
    store: TaskStore, new_task: NewTask
) -> None:
    task = await _created(store, new_task())
    others = [f"client {number}" for number in range(RECENT_MAX_CLIENTS)]
    since = task.created_at
    assert list(await store.recent([*others, "shop"], since=since, limit=1)) == []
    assert list(await store.recent(["shop", *others], since=since, limit=1)) == [task]


@pytest.mark.parametrize("state", [TaskState.FAILED])
async def test_retried_task_is_recent_again(
    store: TaskStore, new_task: NewTask, state: TaskState
) -> None:
    failed = await _created(store, new_task(state=state))
    queued = await store.update(replace(failed, state=TaskState.QUEUED), expected=state)
    assert list(await store.recent(["shop"], since=failed.created_at + FAR, limit=1)) == [queued]
