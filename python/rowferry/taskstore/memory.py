"""Tasks in this process's memory: gone with it."""

import copy
import math
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import trio

from rowferry.domain.fairness import PriorityClass, VirtualTime, priority_class
from rowferry.domain.naming import first_task_id
from rowferry.domain.quota import Usage
from rowferry.domain.task import RUNNING, UNFINISHED, Source, Task, TaskState
from rowferry.ports import RECENT_MAX_CLIENTS, Chore, Renewal, StoredTask, TaskPage, TaskQuery
from rowferry.taskstore.changes import changed_meanwhile, check_change
from rowferry.taskstore.paging import (
    folded,
    last_shown_task_id,
    page_of,
    page_size_of,
    searched_name,
)

_TIMED: Final = frozenset({TaskState.SCHEDULED, TaskState.FAILED})


class MemoryTaskStore:
    """Keeps ``ports.TaskStore`` to the letter; a list looks at every task.

    Each method passes its checkpoint first and then does all its work at once.
    """

    def __init__(self, lease_seconds: float = 60.0) -> None:
        self._lease_seconds = lease_seconds
        self._identity = secrets.token_hex(16)
        self._tasks: dict[str, Task] = {}
        self._documents: dict[str, Mapping[str, Any]] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._leases: dict[str, float] = {}  # until when, by this store's clock
        self._cancel_reasons: dict[str, str] = {}
        self._usage: dict[tuple[str, str], dict[str, Usage]] = {}
        self._times = {each: VirtualTime() for each in PriorityClass}

    async def create(self, task: Task, document: Mapping[str, Any]) -> Task | None:
        """Insert a task with its request; None if (client, request_id) is taken already."""
        await trio.lowlevel.checkpoint()
        taken = self._ids.get((task.client, task.request_id))
        if taken is not None:
            return self._tasks[taken] if taken == task.id else None
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

    async def load(self, task_id: str) -> StoredTask | None:
        """Look a task up with its request, whoever's it is: for the service's own work."""
        await trio.lowlevel.checkpoint()
        task = self._tasks.get(task_id)
        return None if task is None else (task, copy.deepcopy(self._documents[task_id]))

    async def find(self, task_ids: Sequence[str]) -> Mapping[str, Task]:
        """Look tasks up by their ids, whoever's they are."""
        await trio.lowlevel.checkpoint()
        return {each: self._tasks[each] for each in task_ids if each in self._tasks}

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
        return self._write(replace(task, version=task.version + 1))

    async def renew(self, tasks: Sequence[Task]) -> Sequence[Renewal]:
        """Renew the leases of running tasks and note their progress, all in one transaction."""
        await trio.lowlevel.checkpoint()
        return [self._renew(task) for task in tasks]

    def _renew(self, task: Task) -> Renewal:
        stored = self._own(task.client, task.id)
        held = (
            stored is not None
            and stored.state in RUNNING
            and (stored.version, stored.lease_owner) == (task.version, task.lease_owner)
        )
        if stored is not None and held:
            self._write(
                replace(
                    stored,
                    rows_received=task.rows_received,
                    rows_written=task.rows_written,
                    rows_ended=task.rows_ended,
                )
            )
        return Renewal(task_id=task.id, held=held, cancel_reason=self._cancel_reasons.get(task.id))

    async def request_cancel(self, client: str, task_id: str, reason: str) -> bool:
        """Tell the owner of a running task's lease to cancel it; False if it does not run."""
        await trio.lowlevel.checkpoint()
        task = self._own(client, task_id)
        if task is None or task.state not in RUNNING:
            return False
        self._cancel_reasons[task_id] = reason
        return True

    async def cancel_reason(self, client: str, task_id: str) -> str | None:
        """Give the reason of a cancellation that was requested and not done yet."""
        await trio.lowlevel.checkpoint()
        task = self._own(client, task_id)
        return None if task is None else self._cancel_reasons.get(task_id)

    async def reserve(self, owner: str, held: Collection[str] = ()) -> str | None:
        """Give the first queued pulled task that nobody has reserved; None if there is none."""
        await trio.lowlevel.checkpoint()
        free = [
            task
            for task in self._tasks.values()
            if _is_queued_pull(task) and not self._is_leased(task.id) and task.client not in held
        ]
        if not free:
            return None
        first = min(free, key=self._claim_order)
        self._times[priority_class(first.priority)].claim(first.client)
        self._write(replace(first, version=first.version + 1, lease_owner=owner))
        return first.id

    def _claim_order(self, task: Task) -> tuple[PriorityClass, int, int, str]:
        urgency = priority_class(task.priority)
        return urgency, self._times[urgency].of(task.client), task.priority, task.id

    async def awaiting(
        self, chore: Chore, *, node: str, before: datetime, limit: int
    ) -> Sequence[Task]:
        """Give tasks of all clients that a node's scheduler has to do something about."""
        await trio.lowlevel.checkpoint()
        found = (t for t in self._tasks.values() if self._awaits(t, chore, node, before))
        return sorted(found, key=_by_id)[:limit]

    def _awaits(self, task: Task, chore: Chore, node: str, before: datetime) -> bool:
        at_home = task.home_node == node
        if chore is Chore.LAPSED:
            return task.state in RUNNING and not self._is_leased(task.id)
        if chore is Chore.DUE:
            return (task.source is Source.PULL or at_home) and _is_due(task, before)
        if chore is Chore.SPOOL_EXPIRED:
            return at_home and _reached(task.spool_expires_at, before)
        return _CHORES[chore](task, before)

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

    async def recent(
        self, clients: Sequence[str], *, since: datetime, limit: int
    ) -> Sequence[Task]:
        """Give each client's newest tasks in each unfinished state, and those made since."""
        await trio.lowlevel.checkpoint()
        since_id = first_task_id(int(since.timestamp() * 1000))
        found: dict[str, Task] = {}
        for client in clients[:RECENT_MAX_CLIENTS]:
            own = sorted((t for t in self._tasks.values() if t.client == client), key=_by_id)[::-1]
            kinds = [[t for t in own if t.id >= since_id]]
            kinds += [[t for t in own if t.state is state] for state in UNFINISHED]
            found |= {t.id: t for kind in kinds for t in kind[:limit]}
        return sorted(found.values(), key=_by_id, reverse=True)

    async def unfinished(self, node: str) -> Sequence[Task]:
        """Give a node's tasks, of all clients, that are not final, oldest first."""
        await trio.lowlevel.checkpoint()
        found = (
            task
            for task in self._tasks.values()
            if not task.is_final and task.home_node in {node, ""}
        )
        return sorted(found, key=_by_id)

    async def queued_pulls(self, client: str | None = None) -> int:
        """Count the pulled tasks that wait for a slot: of one client, or of all."""
        await trio.lowlevel.checkpoint()
        return sum(
            _is_queued_pull(task) and client in {None, task.client}
            for task in self._tasks.values()
        )

    async def delete(self, client: str, task_id: str) -> None:
        """Forget a task and its request; no error if there is none."""
        await trio.lowlevel.checkpoint()
        task = self._own(client, task_id)
        if task is not None:
            del self._tasks[task_id], self._documents[task_id]
            del self._ids[task.client, task.request_id]
            self._leases.pop(task_id, None)
            self._cancel_reasons.pop(task_id, None)

    async def usage(self, client: str, day: str) -> Mapping[str, Usage]:
        """Give what a client has sent on a UTC day, as each node counted it."""
        await trio.lowlevel.checkpoint()
        return dict(self._usage.get((client, day), {}))

    async def put_usage(self, client: str, day: str, node: str, usage: Usage) -> None:
        """Write what a node has counted so far of a client's day; once is as good as twice."""
        await trio.lowlevel.checkpoint()
        self._usage.setdefault((client, day), {})[node] = usage

    async def identity(self) -> str:
        """Give the random id that was made with the store: no two have the same."""
        await trio.lowlevel.checkpoint()
        return self._identity

    async def health(self) -> None:
        """Do nothing: memory answers."""
        await trio.lowlevel.checkpoint()

    def _write(self, task: Task) -> Task:
        """Keep a task; who names an owner gets a lease."""
        self._tasks[task.id] = task
        self._leases.pop(task.id, None)
        if task.lease_owner:
            self._leases[task.id] = trio.current_time() + self._lease_seconds
        if task.state not in RUNNING:
            self._cancel_reasons.pop(task.id, None)
        return task

    def _is_leased(self, task_id: str) -> bool:
        return self._leases.get(task_id, -math.inf) > trio.current_time()

    def _own(self, client: str, task_id: str) -> Task | None:
        task = self._tasks.get(task_id)
        return task if task is not None and task.client == client else None


def _is_queued_pull(task: Task) -> bool:
    return task.source is Source.PULL and task.state is TaskState.QUEUED


def _reached(time: datetime | None, before: datetime) -> bool:
    return time is not None and time <= before


def _is_due(task: Task, before: datetime) -> bool:
    return task.state in _TIMED and _reached(task.run_at, before)


def _is_forgettable(task: Task, before: datetime) -> bool:
    return (
        task.is_final
        and task.state is not TaskState.COMPLETED
        and task.spool_expires_at is None
        and _reached(task.finished_at, before)
        and (task.file_expires_at is None or task.file_expires_at <= before)
    )


_CHORES: Final[Mapping[Chore, Callable[[Task, datetime], bool]]] = {
    Chore.UNDISPATCHED: lambda task, _: _is_queued_pull(task) and task.dispatched_at is None,
    Chore.OVERDUE: lambda task, before: _is_queued_pull(task) and _reached(task.queued_at, before),
    Chore.LEFTOVERS: lambda task, _: (
        task.is_final
        and task.state in {TaskState.CANCELLED, TaskState.FAILED}
        and bool(task.object_key)
    ),
    Chore.FILE_EXPIRED: lambda task, before: (
        task.state is TaskState.COMPLETED and _reached(task.file_expires_at, before)
    ),
    Chore.FORGETTABLE: _is_forgettable,
}


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
