"""Tasks in this process's memory: gone with it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import trio

from rowferry.domain.task import UNFINISHED, Task, TaskState
from rowferry.ports import TaskPage, TaskQuery
from rowferry.taskstore.changes import changed_meanwhile, check_change
from rowferry.taskstore.paging import (
    folded,
    last_shown_task_id,
    page_of,
    page_size_of,
    searched_name,
)


class MemoryTaskStore:
    """Keeps ``ports.TaskStore`` to the letter; a list looks at every task.

    Each method passes its checkpoint first and then does all its work at once.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._documents: dict[str, Mapping[str, Any]] = {}
        self._ids: dict[tuple[str, str], str] = {}

    async def create(self, task: Task, document: Mapping[str, Any]) -> Task | None:
        """Insert a task with its request; None if (client, request_id) is taken already."""
        await trio.lowlevel.checkpoint()
        if (task.client, task.request_id) in self._ids:
            return None
        self._ids[task.client, task.request_id] = task.id
        self._documents[task.id] = copy.deepcopy(document)
        self._tasks[task.id] = task
        return task

    async def find_request(self, client: str, request_id: str) -> Task | None:
        """Look a task up by the client's idempotency key."""
        await trio.lowlevel.checkpoint()
        task_id = self._ids.get((client, request_id))
        return None if task_id is None else self._tasks[task_id]

    async def get(self, client: str, task_id: str) -> Task | None:
        """Look a task up."""
        await trio.lowlevel.checkpoint()
        return self._own(client, task_id)

    async def document(self, client: str, task_id: str) -> Mapping[str, Any] | None:
        """Give the request of a task as ``create`` took it."""
        await trio.lowlevel.checkpoint()
        if self._own(client, task_id) is None:
            return None
        return copy.deepcopy(self._documents[task_id])

    async def update(self, task: Task, *, expected: TaskState) -> Task:
        """Write all of a task's state if it still has ``task.version`` and is still ``expected``.

        Returns the task with its new version; raises INVALID_STATE when somebody else was first.
        """
        await trio.lowlevel.checkpoint()
        check_change(task, expected)
        stored = self._own(task.client, task.id)
        if stored is None or (stored.version, stored.state) != (task.version, expected):
            raise changed_meanwhile(task, expected)
        self._tasks[task.id] = replace(task, version=task.version + 1)
        return self._tasks[task.id]

    async def list(self, client: str, query: TaskQuery) -> TaskPage:
        """Give one page; raise INVALID_METADATA for a token that ``list`` did not give."""
        await trio.lowlevel.checkpoint()
        behind, name_part = last_shown_task_id(client, query), searched_name(query)
        found = [
            task
            for task in sorted(self._tasks.values(), key=_by_id, reverse=True)
            if task.client == client
            and (behind is None or task.id < behind)
            and name_part in folded(task.filename)
            and _is_wanted(task, query)
        ]
        return page_of(client, query, found[: page_size_of(query) + 1])

    async def unfinished(self) -> Sequence[Task]:
        """Give the tasks of all clients that have not ended, oldest first (for recovery)."""
        await trio.lowlevel.checkpoint()
        return sorted((t for t in self._tasks.values() if t.state in UNFINISHED), key=_by_id)

    async def health(self) -> None:
        """Do nothing: memory answers."""
        await trio.lowlevel.checkpoint()

    def _own(self, client: str, task_id: str) -> Task | None:
        task = self._tasks.get(task_id)
        return task if task is not None and task.client == client else None


def _by_id(task: Task) -> str:
    return task.id


def _is_wanted(task: Task, query: TaskQuery) -> bool:
    return (
        (not query.states or task.state in query.states)
        and (not query.formats or task.format in query.formats)
        and (not query.owner or task.owner == query.owner)
        and (query.created_after is None or task.created_at >= query.created_after)
        and (query.created_before is None or task.created_at < query.created_before)
    )
