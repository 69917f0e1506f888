"""Notices what happens to the tasks that somebody watches: here, and on other nodes.

Tasks of this node are looked at in memory. What another node works on, and what nobody does, is
asked of the task store: in one or two questions for all watchers together, however many there are.
"""

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

import trio

from rowferry.domain.task import Task, TaskState
from rowferry.domain.view import TaskView
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.ports import RECENT_MAX_CLIENTS, TaskStore
from rowferry.status.progress_topics import Topics
from rowferry.status.progress_update import TaskUpdate

# Clocks of nodes differ, and a task is in the store a while after its id was made.
RECENT_SECONDS: Final = 30.0
RECENT_TASKS: Final = 200  # of a client, in each state
FOUND_TASKS: Final = 500  # asked for by their ids at once; more take turns
_Mark = tuple[int, int, int, bool, int]


class TaskViews(Protocol):
    """Adds to tasks what only the service knows."""

    def view(self, task: Task) -> TaskView:
        """Give a task as clients see it."""


class TaskWatch:
    """Turns tasks into numbered updates, each change into one.

    ``publish`` is told of each. A task is final for watchers when nothing temporary of it is left.
    """

    def __init__(
        self,
        *,
        store: TaskStore,
        live_tasks: LiveTasks,
        views: TaskViews,
        topics: Topics,
        now: Callable[[], datetime],
        publish: Callable[[TaskUpdate], None],
    ) -> None:
        self._store = store
        self._live_tasks = live_tasks
        self._views = views
        self._topics = topics
        self._now = now
        self._publish = publish
        self._newest: dict[str, tuple[_Mark, TaskUpdate]] = {}
        self._asked_at: dict[str, float] = {}
        self._turn = 0  # whose recent tasks are asked for, when there are too many clients
        self.change = 0  # the number of the last change

    def look_at_live(self) -> None:
        """Notice what changed in this process."""
        for live in self._live_tasks:
            if not live.task.is_final and self._topics.are_about(live.task):
                self._note_live(live)

    async def look_at_store(self) -> None:
        """Notice what changed elsewhere, and what has ended here; raise what the store raises."""
        recent = await self._recent(self._clients_in_turn())
        unknown = self._unsettled() - {task.id for task in recent}
        asked = heapq.nsmallest(FOUND_TASKS, unknown, key=lambda i: self._asked_at.get(i, 0.0))
        found = await self._store.find(asked) if asked else {}
        for task in (*recent, *found.values()):
            if self._topics.are_about(task):
                self._note_stored(task)
        self._note_absent(asked, found)

    async def tasks(self, client: str, task_ids: Collection[str]) -> Mapping[str, TaskUpdate]:
        """Give a client's tasks as they are now; those that are not there are left out.

        A task whose end is being cleaned up is waited for.
        """
        for task_id in task_ids:
            ending = self._live_tasks.find(client, task_id)
            if ending is not None and ending.task.is_final:
                await ending.ended.wait()
        live = [self._live_tasks.find(client, task_id) for task_id in task_ids]
        updates = {t.task.id: self._note_live(t) for t in live if t and not t.task.is_final}
        missing = [task_id for task_id in task_ids if task_id not in updates]
        for task in (await self._store.find(missing)).values() if missing else ():
            if task.client == client:
                updates[task.id] = self._note_stored(task)
        return updates

    async def tasks_of(self, client: str) -> Sequence[TaskUpdate]:
        """Give the tasks of a client that are not finished, or are new."""
        recent = await self._recent([client])
        own = [t for t in self._live_tasks if t.task.client == client and not t.task.is_final]
        updates = {live.task.id: self._note_live(live) for live in own}
        stored = [self._note_stored(task) for task in recent if task.id not in updates]
        return [*updates.values(), *stored]

    def forget_all_but(self, task_ids: Collection[str]) -> None:
        """Let go of tasks that nobody watches any more."""
        self._newest = {i: self._newest[i] for i in task_ids if i in self._newest}
        self._asked_at = {i: self._asked_at[i] for i in task_ids if i in self._asked_at}

    async def _recent(self, clients: Sequence[str]) -> Sequence[Task]:
        if not clients:
            return ()
        since = self._now() - timedelta(seconds=RECENT_SECONDS)
        return await self._store.recent(clients, since=since, limit=RECENT_TASKS)

    def _clients_in_turn(self) -> Sequence[str]:
        clients = self._topics.filtering_clients
        if len(clients) <= RECENT_MAX_CLIENTS:
            return clients
        first = self._turn % len(clients)
        self._turn = first + RECENT_MAX_CLIENTS
        return (clients + clients)[first : first + RECENT_MAX_CLIENTS]

    def _unsettled(self) -> set[str]:
        """Give the ids of tasks that go on, or are watched in case they do, but not here."""
        return {
            task_id
            for task_id, (_, update) in self._newest.items()
            if (not update.task.is_final or self._may_be_retried(update))
            and self._live_tasks.get(task_id) is None
        }

    def _may_be_retried(self, update: TaskUpdate) -> bool:
        task = update.task
        return update.may_go_on and self._topics.find(task.client, task.id) is not None

    def _note_absent(self, asked: Collection[str], found: Mapping[str, Task]) -> None:
        for task_id in asked:
            self._asked_at[task_id] = trio.current_time()
            if task_id not in found and task_id in self._newest:  # forgotten after its time
                task = self._newest[task_id][1].task
                gone = replace(
                    task, state=TaskState.EXPIRED, run_at=None, version=task.version + 1
                )
                self._note(task_id, _mark(gone), partial(TaskView, task=gone))

    def _note_live(self, live: LiveTask) -> TaskUpdate:
        mark = (
            live.task.version,
            live.rows_received,
            live.rows_written,
            live.rows_ended,
            live.expected_rows,
        )
        return self._note(live.task.id, mark, live.view)

    def _note_stored(self, task: Task) -> TaskUpdate:
        live = self._live_tasks.get(task.id)
        if live is not None and not live.task.is_final:
            return self._note_live(live)  # what the store says of it is old
        if live is not None and task.id in self._newest:
            return self._newest[task.id][1]  # its end is being cleaned up
        return self._note(task.id, _mark(task), partial(self._stored_view, task))

    def _note(self, task_id: str, mark: _Mark, view: Callable[[], TaskView]) -> TaskUpdate:
        known = self._newest.get(task_id)
        if known is not None and (known[0] == mark or mark[0] < known[0][0]):
            return known[1]  # nothing new, or an answer that was overtaken
        self.change += 1
        update = TaskUpdate(view(), self.change, trio.current_time())
        self._newest[task_id] = (mark, update)
        self._publish(update)
        return update

    def _stored_view(self, task: Task) -> TaskView:
        """Give a task of another node: how fast it is shows from one heartbeat to the next."""
        view = self._views.view(task)
        known = self._newest.get(task.id)
        if known is None or task.state is not TaskState.PROCESSING:
            return view
        before = known[1]
        rows = task.rows_written - before.task.rows_written
        seconds = trio.current_time() - before.at
        grown = rows > 0 and seconds > 0
        rate = rows / seconds if grown else before.view.rows_per_second
        left = max(0, task.rows_total - task.rows_written)
        remaining = round(left / rate) if task.rows_total and rate else -1
        return replace(view, rows_per_second=rate, remaining_seconds=remaining)


def _mark(task: Task) -> _Mark:
    """Give what differs between two states of a task that are worth telling apart."""
    return (
        task.version,
        task.rows_received,
        task.rows_written,
        task.rows_ended,
        task.expected_rows,
    )
