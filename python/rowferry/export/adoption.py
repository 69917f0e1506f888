"""Pulled tasks become live on the node that their turn comes on."""

from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Source, TaskState
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.ports import Observer, StoredTask, TaskStore

LOAD_PATIENCE_SECONDS: Final = 120.0
LOAD_RETRY_SECONDS: Final = 1.0


class Adoption:
    """Loads pulled tasks; who claims one is decided by its first change of state."""

    def __init__(self, *, store: TaskStore, live_tasks: LiveTasks, observer: Observer) -> None:
        self._store = store
        self._live_tasks = live_tasks
        self._observer = observer

    async def adopt(self, task_id: str) -> LiveTask | None:
        """Make a queued pulled task live; None if it is not one, or can't be loaded."""
        try:
            return await self._adopt(task_id)
        except RowferryError as error:
            self._observer.observe(
                events.SystemError(error=error, where="adoption", task_id=task_id)
            )
            return None

    async def _adopt(self, task_id: str) -> LiveTask | None:
        stored = await self._load(task_id)
        if stored is None:
            return None
        task, document = stored
        if task.source is not Source.PULL or task.state is not TaskState.QUEUED:
            return None
        live = LiveTask(task, ExportSpec.from_document(document), None)
        self._live_tasks.add(live)
        return live

    async def _load(self, task_id: str) -> StoredTask | None:
        """Read a task, and wait for a database that is away: nothing could run meanwhile."""
        deadline = trio.current_time() + LOAD_PATIENCE_SECONDS
        while True:
            try:
                return await self._store.load(task_id)
            except RowferryError as error:
                away = error.code is ErrorCode.DATABASE_UNAVAILABLE
                if not away or trio.current_time() >= deadline:
                    raise
            await trio.sleep(LOAD_RETRY_SECONDS)
