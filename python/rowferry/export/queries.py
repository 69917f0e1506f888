"""What clients see of their tasks."""

from collections.abc import Sequence
from typing import Final, Protocol

import trio

from rowferry.domain import events
from rowferry.domain.naming import is_task_id
from rowferry.domain.task import Task, TaskState, task_not_found
from rowferry.domain.view import TaskView
from rowferry.export.live_task import LiveTasks
from rowferry.export.task_journal import names
from rowferry.ports import Observer, TaskQuery, TaskStore

ELSEWHERE_POLL_SECONDS: Final = 1.0  # of a task that another node works on


class Links(Protocol):
    """Makes the download link of a completed task."""

    def url(self, task: Task) -> str:
        """Give the link; the same for the same task at any time."""


class ExportQueries:
    """Answers from the live task when there is one, else from the store."""

    def __init__(
        self,
        *,
        store: TaskStore,
        live_tasks: LiveTasks,
        links: Links,
        observer: Observer,
    ) -> None:
        self._store = store
        self._live_tasks = live_tasks
        self._links = links
        self._observer = observer

    async def status(self, client: str, task_id: str) -> TaskView:
        """Give one task as of now; raise NOT_FOUND."""
        view = await self._look_up(client, task_id)
        if view is None:
            self._observer.observe(events.StatusNotFound(client=client, task_id=task_id[:64]))
            raise task_not_found(task_id)
        self._observer.observe(events.StatusQueried(**names(view.task), state=view.task.state))
        return view

    async def list(self, client: str, query: TaskQuery) -> tuple[Sequence[TaskView], str]:
        """Give a page of tasks, newest first, and the next page's token."""
        page = await self._store.list(client, query)
        return [self.view(task) for task in page.tasks], page.next_page_token

    async def wait(self, client: str, task_id: str, wait_seconds: int) -> TaskView:
        """Give the task when it is final, at the latest after ``wait_seconds`` (0 = no limit)."""
        if wait_seconds >= 0:
            with trio.move_on_after(wait_seconds or float("inf")):
                await self._wait_until_final(client, task_id)
        return await self.status(client, task_id)

    async def _wait_until_final(self, client: str, task_id: str) -> None:
        while True:
            live = self._live_tasks.find(client, task_id)
            if live is not None:
                await live.ended.wait()  # it may have gone on to another node
            view = await self._look_up(client, task_id)
            if view is None or view.task.is_final:
                return
            await trio.sleep(ELSEWHERE_POLL_SECONDS)

    async def _look_up(self, client: str, task_id: str) -> TaskView | None:
        if not is_task_id(task_id):
            return None
        live = self._live_tasks.find(client, task_id)
        if live is not None:
            return self.view(live.task)
        task = await self._store.get(client, task_id)
        return None if task is None else self.view(task)

    def view(self, task: Task) -> TaskView:
        """Add to a task what only the running service knows, and its link."""
        live = self._live_tasks.find(task.client, task.id)
        if live is not None and not live.task.is_final:
            return live.view()
        task = task if live is None else live.snapshot()
        completed = task.state is TaskState.COMPLETED
        return TaskView(task=task, link=self._links.url(task) if completed else "")
