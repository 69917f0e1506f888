"""The line of one process: it is gone with it, and filled again from the store."""

import trio

from rowferry.ports import QueuedTask
from rowferry.taskqueue.claim_order import ClaimOrder


class MemoryTaskQueue:
    """Tasks in the order of claims; every operation costs O(log tasks).

    One waiter is woken for each task. It takes the first task of that moment, so a more urgent one
    that came meanwhile still goes first; if there is none any more, it waits on.
    """

    def __init__(self) -> None:
        self._line = ClaimOrder()
        self._waiters = trio.lowlevel.ParkingLot()

    def offer(self, task: QueuedTask) -> None:
        """Put a task in line; a second time does nothing."""
        if self._line.add(task):
            self._waiters.unpark()

    def withdraw(self, task_id: str) -> None:
        """Take a task out of the line; no error if it is not in it."""
        self._line.discard(task_id)

    def hold(self, client: str) -> None:
        """Leave a client's tasks in line, those too that come yet, until ``release``."""
        self._line.hold(client)

    def release(self, client: str) -> None:
        """Give a client's tasks out again; no error if they are not held."""
        self._line.release(client)
        self._waiters.unpark_all()

    async def next(self) -> str:
        """Wait for the first task in line that is not held, and take it out."""
        await trio.lowlevel.checkpoint()
        while not self._line.is_claimable:
            await self._waiters.park()
        # Between here and the return nothing can be cancelled: no task is lost.
        return self._line.claim_first()

    @property
    def is_claimable(self) -> bool:
        """Tell whether there is a task that is not held."""
        return self._line.is_claimable

    def __len__(self) -> int:
        """Count the tasks in line."""
        return len(self._line)
