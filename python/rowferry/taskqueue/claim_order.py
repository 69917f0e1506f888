"""Who is next: tasks in the order in which they are claimed, fair between clients."""

import heapq
from collections.abc import Set as AbstractSet
from itertools import count
from typing import Final, Generic, NamedTuple, TypeVar

from rowferry.domain.fairness import PriorityClass, VirtualTime, priority_class
from rowferry.ports import QueuedTask

_STALE_ENTRIES_KEPT: Final = 64


class _Place(NamedTuple):
    """A task's place in its client's line."""

    priority: int
    arrival: int
    task_id: str


class _Turn(NamedTuple):
    """A client's place in its class: that of its first task, behind the client's time."""

    time: int
    place: _Place
    client: str


_Entry = TypeVar("_Entry", _Place, _Turn)


class ClaimOrder:
    """Tasks by (priority class, the client's virtual time, priority, arrival).

    Every operation costs O(log tasks), amortised: each client's tasks are a line of their own, so
    that a claim moves one client, not its tasks.
    """

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._lines = {each: _ClassLine(self._held) for each in sorted(PriorityClass)}
        self._tasks: dict[str, tuple[QueuedTask, _Place]] = {}
        self._arrivals = count()

    def add(self, task: QueuedTask) -> bool:
        """Put a task in line; False if it is in it already."""
        if task.task_id in self._tasks:
            return False
        place = _Place(task.priority, next(self._arrivals), task.task_id)
        self._tasks[task.task_id] = (task, place)
        self._line_of(task).add(task.client, place)
        return True

    def discard(self, task_id: str) -> bool:
        """Take a task out of the line, at nobody's charge; False if it is not in it."""
        if task_id not in self._tasks:
            return False
        task, place = self._tasks.pop(task_id)
        self._line_of(task).discard(task.client, place)
        return True

    def hold(self, client: str) -> None:
        """Pass a client's tasks over until it is released."""
        self._held.add(client)
        self._line_up(client)

    def release(self, client: str) -> None:
        """Let a client have its turn again."""
        self._held.discard(client)
        self._line_up(client)

    def _line_up(self, client: str) -> None:
        for line in self._lines.values():
            line.line_up(client)

    @property
    def is_claimable(self) -> bool:
        """Tell whether there is a task that is not held."""
        return any(line.is_claimable for line in self._lines.values())

    def claim_first(self) -> str:
        """Take the first task out that is not held and charge its client; there has to be one."""
        line = next(line for line in self._lines.values() if line.is_claimable)
        task_id = line.claim_first()
        del self._tasks[task_id]
        return task_id

    def __len__(self) -> int:
        """Count the tasks in line."""
        return len(self._tasks)

    def _line_of(self, task: QueuedTask) -> "_ClassLine":
        return self._lines[priority_class(task.priority)]


class _ClassLine:
    """The clients of one priority class, and each one's tasks; ``held`` have no turn."""

    def __init__(self, held: AbstractSet[str]) -> None:
        self._held = held
        self._times = VirtualTime()
        self._places: dict[str, _Heap[_Place]] = {}
        self._turns: _Heap[_Turn] = _Heap()
        self._turn_of: dict[str, _Turn] = {}

    @property
    def is_claimable(self) -> bool:
        return bool(self._turns)

    def add(self, client: str, place: _Place) -> None:
        self._places.setdefault(client, _Heap()).add(place)
        self.line_up(client)

    def discard(self, client: str, place: _Place) -> None:
        self._places[client].discard(place)
        self.line_up(client)

    def claim_first(self) -> str:
        turn = self._turns.first()
        self._times.claim(turn.client)
        self.discard(turn.client, turn.place)
        return turn.place.task_id

    def line_up(self, client: str) -> None:
        """Put a client where it belongs by now; who is held, or has no tasks, is in no line."""
        if (former := self._turn_of.pop(client, None)) is not None:
            self._turns.discard(former)
        if not self._places.get(client):
            self._places.pop(client, None)
            return
        if client in self._held:
            return
        turn = _Turn(self._times.of(client), self._places[client].first(), client)
        self._turn_of[client] = turn
        self._turns.add(turn)


class _Heap(Generic[_Entry]):
    """A heap that any entry can be taken out of: it stays inside until it comes first.

    Once most entries are such, the heap is made anew.
    """

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._kept: set[_Entry] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, entry: _Entry) -> None:
        self._kept.add(entry)
        heapq.heappush(self._heap, entry)

    def discard(self, entry: _Entry) -> None:
        self._kept.discard(entry)
        if len(self._heap) > 2 * len(self._kept) + _STALE_ENTRIES_KEPT:
            self._heap = list(self._kept)
            heapq.heapify(self._heap)

    def first(self) -> _Entry:
        while self._heap[0] not in self._kept:
            heapq.heappop(self._heap)
        return self._heap[0]
