"""Fairness between clients: whoever had the least is next, and idleness saves nothing up.

The order of claims is: priority class, the client's virtual time in it, priority, arrival. So a
priority orders a client's own tasks, and only one below 100 gets ahead of other clients.

Source: start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996), with claims of one size.
"""

from enum import IntEnum
from typing import Final

FIRST_ORDINARY_PRIORITY: Final = 100


class PriorityClass(IntEnum):
    """Whole classes go one after the other: fairness holds inside each."""

    URGENT = 0
    ORDINARY = 1


def priority_class(priority: int) -> PriorityClass:
    """Give the class of a priority."""
    urgent = priority < FIRST_ORDINARY_PRIORITY
    return PriorityClass.URGENT if urgent else PriorityClass.ORDINARY


class VirtualTime:
    """The virtual times of the clients of one priority class: a claim costs a client 1.

    The current time is that of the client who claimed last. Claims go to a client with the least
    time, so nobody who waits is behind the current time, and nobody is more than 1 ahead of it:
    those who are ahead is all there is to keep. Everybody else is at the current time, a client
    that was away for long too. Where the times are rows of a table, the current one is the
    largest of them less 1, and a client's is the larger of its own and the current one.
    """

    def __init__(self) -> None:
        self.now = 0
        self._ahead: set[str] = set()

    def of(self, client: str) -> int:
        """Give a client's virtual time: the least goes first."""
        return self.now + (client in self._ahead)

    def claim(self, client: str) -> None:
        """Charge a client for the task that it got."""
        if client in self._ahead:
            self.now += 1
            self._ahead.clear()
        self._ahead.add(client)
