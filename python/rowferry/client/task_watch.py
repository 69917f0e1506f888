"""A task followed to its end, over as many connections as it takes."""

from contextlib import AsyncExitStack
from typing import Self

from rowferry.client.connections import Connections
from rowferry.client.errors import RowferryError
from rowferry.client.results import Task, task_of
from rowferry.client.retries import Retries
from rowferry.client.service_calls import TaskStates


class TaskWatch:
    """An iterator over a task's states, which ends behind a final one."""

    def __init__(
        self, connections: Connections, task_id: str, *, min_interval_ms: int, retries: Retries
    ) -> None:
        self._connections = connections
        self._task_id = task_id
        self._min_interval_ms = min_interval_ms
        self._retries = retries
        self._stack = AsyncExitStack()
        self._states: TaskStates | None = None
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Task:
        while not self._ended:
            try:
                if self._states is None:
                    self._states = await self._begin()
                task = task_of(await anext(self._states))
            except StopAsyncIteration:
                break  # the service has nothing more to tell
            except RowferryError as failure:
                await self.aclose()
                await self._retries.pause(failure)
                continue
            self._retries.progressed()
            self._ended = task.is_final
            return task
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop following."""
        self._states = None
        await self._stack.aclose()

    async def _begin(self) -> TaskStates:
        calls = await self._connections.calls()
        watching = calls.watch(self._task_id, min_interval_ms=self._min_interval_ms)
        return await self._stack.enter_async_context(watching)
