"""A progress hub over tasks that tests change at will, here and as another node would."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import Event
from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Column, ExportSpec, Format, Sheet
from rowferry.domain.task import Source, Task, TaskState
from rowferry.domain.view import TaskView
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.status.progress_hub import ProgressHub, ProgressLimits, Watcher
from rowferry.status.progress_update import ProgressFilter, TaskUpdate, Updates
from rowferry.taskstore.memory import MemoryTaskStore

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
SOON_SECONDS: Final = 0.001  # behind all that happens at a moment
EVERYTHING: Final = ProgressFilter()
SPEC: Final = ExportSpec(
    request_id="request",
    format=Format.CSV,
    filename="orders",
    sheets=(Sheet(name="Sheet1", columns=(Column(name="id"),)),),
)


class AskedStore(MemoryTaskStore):
    """A store that counts the questions it is asked, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = 0
        self.is_away = False

    async def recent(
        self, clients: Sequence[str], *, since: datetime, limit: int
    ) -> Sequence[Task]:
        self._count()
        return await super().recent(clients, since=since, limit=limit)

    async def find(self, task_ids: Sequence[str]) -> Mapping[str, Task]:
        self._count()
        return await super().find(task_ids)

    def _count(self) -> None:
        self.questions += 1
        if self.is_away:
            raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, "The database is away.")


class Views:
    """Adds a link to what is completed."""

    def view(self, task: Task) -> TaskView:
        return TaskView(task=task, link="link" if task.state is TaskState.COMPLETED else "")


@dataclass
class Outlet:
    """Keeps what it is offered, while it is ready."""

    ready: bool = True
    cost: int = 1
    refusal: RowferryError | None = None
    closed: RowferryError | None = None
    offered: list[tuple[float, TaskUpdate]] = field(default_factory=list)

    def is_ready(self) -> bool:
        return self.ready

    def offer(self, updates: Updates) -> int:
        self.offered += [(trio.current_time(), update) for update in updates.all]
        return self.cost

    def tend(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def close(self, reason: RowferryError) -> None:
        self.closed = reason

    @property
    def tasks(self) -> list[Task]:
        return [update.task for _, update in self.offered]


class Stage:
    """The hub, and the tasks of this node and of others."""

    def __init__(self, **limits: int) -> None:
        self.store = AskedStore()
        self.live_tasks = LiveTasks()
        self.events: list[Event] = []
        self.stopping = trio.Event()
        self.hub = ProgressHub(
            store=self.store,
            live_tasks=self.live_tasks,
            views=Views(),
            observer=self,
            now=lambda: START + timedelta(seconds=trio.current_time()),
            limits=ProgressLimits(
                **{
                    "max_watchers": 10_000,
                    "max_watchers_per_client": 10_000,
                    "sends_per_second": 1_000_000,
                    **limits,
                }
            ),
        )
        self._created = 0

    def observe(self, event: Event) -> None:
        self.events.append(event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.hub.run, self.stopping)
            yield
            nursery.cancel_scope.cancel()

    async def stored(self, **fields: Any) -> Task:  # noqa: ANN401  as the task has
        """Make a task that nothing here works on."""
        self._created += 1
        now = START + timedelta(seconds=trio.current_time(), milliseconds=self._created)
        defaults: dict[str, Any] = {
            "id": make_task_id(int(now.timestamp() * 1000), self._created.to_bytes(10)),
            "client": "shop",
            "request_id": f"request {self._created}",
            "request_hash": "",
            "format": Format.CSV,
            "filename": "orders",
            "created_at": now,
            "source": Source.PULL,
        }
        task = Task(**(defaults | fields))
        await self.store.create(task, {})
        return task

    async def live(self, **fields: Any) -> LiveTask:  # noqa: ANN401  as the task has
        """Make a task that this node works on."""
        task = await self.stored(**{"state": TaskState.PROCESSING, **fields})
        live = LiveTask(task, SPEC, None)
        self.live_tasks.add(live)
        return live

    async def change(self, task: Task, **fields: Any) -> Task:  # noqa: ANN401  as the task has
        """Change a task as another node does."""
        return await self.store.update(replace(task, **fields), expected=task.state)

    async def end(self, live: LiveTask, state: TaskState = TaskState.COMPLETED) -> None:
        """End a task of this node, as its journal does."""
        uploading = replace(live.snapshot(), state=TaskState.UPLOADING)
        if live.task.state is TaskState.PROCESSING:
            live.task = await self.store.update(uploading, expected=TaskState.PROCESSING)
        ended = replace(live.task, state=state)
        live.task = await self.store.update(ended, expected=live.task.state)
        self.live_tasks.remove(live)
        live.ended.set()

    async def follow(
        self, watcher: Watcher, *about: str | ProgressFilter
    ) -> Collection[TaskUpdate]:
        found: list[TaskUpdate] = []
        for each in about:
            if isinstance(each, str):
                found += (await self.hub.follow_tasks(watcher, [each])).values()
            else:
                found += await self.hub.follow_all(watcher, each)
        return found


async def pass_time(seconds: float) -> None:
    """Let so much time pass, by a clock that jumps when all wait."""
    await trio.sleep(seconds + SOON_SECONDS)
