"""The line of one process: it is gone with it, and filled again from the store."""

import heapq
from collections import OrderedDict

import trio

from rowferry.ports import QueuedTask


class MemoryTaskQueue:
    """Tasks by priority, then by arrival; every operation costs O(log priorities) at most.

    The semaphore counts tasks nobody was woken for. Whoever it lets through takes the first task
    of that moment, so a more urgent one that came meanwhile still goes first.
    """

    def __init__(self) -> None:
        self._lines: dict[int, OrderedDict[str, None]] = {}
        self._priorities: list[int] = []  # a heap of the keys of _lines, each once
        self._priority_of: dict[str, int] = {}
        self._unclaimed = trio.Semaphore(0)

    def offer(self, task: QueuedTask) -> None:
        """Put a task in line, behind those of its own priority; a second time does nothing."""
        task_id, priority = task.task_id, task.priority
        if task_id in self._priority_of:
            return
        if priority not in self._lines:
            self._lines[priority] = OrderedDict()
            heapq.heappush(self._priorities, priority)
        self._lines[priority][task_id] = None
        self._priority_of[task_id] = priority
        self._unclaimed.release()

    def withdraw(self, task_id: str) -> None:
        """Take a task out of the line; no error if it is not in it."""
        priority = self._priority_of.pop(task_id, None)
        if priority is None:
            return
        del self._lines[priority][task_id]
        # At zero somebody was woken for this task already, and will find one fewer.
        if self._unclaimed.value:
            self._unclaimed.acquire_nowait()

    async def next(self) -> str:
        """Wait for the first task in line and take it out; callers are served as they came."""
        while True:
            await self._unclaimed.acquire()
            # Between here and the return nothing can be cancelled: no task is lost.
            if self._priority_of:
                return self._take_first()

    def __len__(self) -> int:
        """Count the tasks in line."""
        return len(self._priority_of)

    def _take_first(self) -> str:
        while not self._lines[self._priorities[0]]:
            del self._lines[heapq.heappop(self._priorities)]
        task_id, _ = self._lines[self._priorities[0]].popitem(last=False)
        del self._priority_of[task_id]
        return task_id
