"""A task's states as they come, for those who watch it."""

from collections.abc import Awaitable, Callable
from typing import Self

import trio

from rowferry.domain.view import TaskView
from rowferry.export.live_task import LiveTask


class TaskChanges:
    """An iterator over a task: as of now, then after changes, no more often than asked.

    It ends behind a final state, which is given when nothing temporary of the task is left. A slow
    reader misses states, never the last one.
    """

    def __init__(
        self,
        look_up: Callable[[], Awaitable[TaskView]],
        find_live: Callable[[], LiveTask | None],
        min_interval_seconds: float,
    ) -> None:
        self._look_up = look_up
        self._find_live = find_live
        self._min_interval_seconds = min_interval_seconds
        self._last: TaskView | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> TaskView:
        """Give the next state; raise NOT_FOUND at the first if there is no such task."""
        last = self._last
        if last is not None:
            if last.task.is_final:
                raise StopAsyncIteration
            await self._wait_for_change(last)
        view = self._last = await self._look_up()
        live = self._find_live()
        if live is not None and view.task.is_final:
            await live.ended.wait()
        return view

    async def _wait_for_change(self, last: TaskView) -> None:
        await trio.sleep(self._min_interval_seconds)
        live = self._find_live()
        if live is not None:
            await live.changed.wait_for(lambda: live.snapshot() != last.task)
