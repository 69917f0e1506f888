"""The line of one process: it is gone with it, and filled again from the store."""

import trio

from rowferry.ports import QueuedTask
from rowferry.taskqueue.claim_order import ClaimOrder


class MemoryTaskQueue:
    """Tasks in the order of claims; every operation costs O(log tasks).

    The semaphore counts tasks nobody was woken for. Whoever it lets through takes the first task
    of that moment, so a more urgent one that came meanwhile still goes first.
    """

    def __init__(self) -> None:
        self._line = ClaimOrder()
        self._unclaimed = trio.Semaphore(0)

    def offer(self, task: QueuedTask) -> None:
        """Put a task in line; a second time does nothing."""
        if self._line.add(task):
            self._unclaimed.release()

    def withdraw(self, task_id: str) -> None:
        """Take a task out of the line; no error if it is not in it."""
        # At zero somebody was woken for this task already, and will find one fewer.
        if self._line.discard(task_id) and self._unclaimed.value:
            self._unclaimed.acquire_nowait()

    async def next(self) -> str:
        """Wait for the first task in line and take it out."""
        while True:
            await self._unclaimed.acquire()
            # Between here and the return nothing can be cancelled: no task is lost.
            if self._line:
                return self._line.claim_first()

    def __len__(self) -> int:
        """Count the tasks in line."""
        return len(self._line)
