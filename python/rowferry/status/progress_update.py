"""What is told of a task to those who watch it: made once, shared by all of them."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rowferry.domain.spec import Format
from rowferry.domain.task import Task, TaskState
from rowferry.domain.view import TaskView

Encoder = Callable[[TaskView], bytes]


class TaskUpdate:
    """A task as of one change; changes are numbered through all tasks.

    ``at`` is when it was noticed, by trio's clock.
    """

    __slots__ = ("_encoded", "at", "change", "view")

    def __init__(self, view: TaskView, change: int, at: float) -> None:
        self.view: Final = view
        self.change: Final = change
        self.at: Final = at
        self._encoded: dict[Encoder, bytes] = {}

    @property
    def task(self) -> Task:
        """The task."""
        return self.view.task

    @property
    def may_go_on(self) -> bool:
        """Whether something may become of the task yet: what failed can be retried."""
        return not self.task.is_final or self.task.state is TaskState.FAILED

    def encoded(self, encode: Encoder) -> bytes:
        """Give the update in some form, which is made once however many are sent it."""
        found = self._encoded.get(encode)
        if found is None:
            found = self._encoded[encode] = encode(self.view)
        return found


class Updates:
    """The updates that are sent together: of each task the newest, in the order of changes."""

    def __init__(self, updates: Sequence[TaskUpdate]) -> None:
        self.all: Final = updates
        self._joined: dict[Encoder, bytes] = {}

    def joined(self, encode: Encoder) -> bytes:
        """Give all of them in some form, one behind the other."""
        found = self._joined.get(encode)
        if found is None:
            found = b"".join([update.encoded(encode) for update in self.all])
            self._joined[encode] = found
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressFilter:
    """Which of a client's tasks somebody wants to see; what is empty lets every task pass."""

    states: frozenset[TaskState] = frozenset()
    formats: frozenset[Format] = frozenset()
    owner: str = ""

    def matches(self, task: Task) -> bool:
        """Tell whether a task is wanted as it is now."""
        return (
            (not self.states or task.state in self.states)
            and (not self.formats or task.format in self.formats)
            and (not self.owner or task.owner == self.owner)
        )


About = str | ProgressFilter
"""A task's id, or which tasks of a client."""


class Topic:
    """Tasks of one client that somebody watches: one of them, or all that a filter lets pass.

    It keeps the newest update of each task. Whoever watches needs only remember the number of the
    change that it was sent last: a slow one costs no memory here.
    """

    def __init__(self, client: str, about: About) -> None:
        self.client: Final = client
        self.about: Final = about
        self._updates: OrderedDict[str, TaskUpdate] = OrderedDict()

    def put(self, update: TaskUpdate) -> bool:
        """Take an update; False if it does not belong here.

        A task that a filter let pass before is told of once more when it does not any longer.
        """
        task = update.task
        before = self._updates.get(task.id)
        if not self.matches(task) and (before is None or not self.matches(before.task)):
            return False
        self._updates[task.id] = update
        self._updates.move_to_end(task.id)
        return True

    def matches(self, task: Task) -> bool:
        """Tell whether a task of the topic's client is wanted as it is now."""
        about = self.about
        return about.matches(task) if isinstance(about, ProgressFilter) else about == task.id

    def since(self, change: int) -> Iterable[TaskUpdate]:
        """Give the newest update of each task that changed behind a change, newest first."""
        for update in reversed(self._updates.values()):
            if update.change <= change:
                return
            yield update

    def unfinished(self) -> list[TaskUpdate]:
        """Give the tasks that are wanted and go on, in the order of their changes."""
        updates = self._updates.values()
        return [u for u in updates if not u.task.is_final and self.matches(u.task)]

    def task_ids(self) -> Iterable[str]:
        """Give the ids of the tasks that are known here."""
        return self._updates.keys()

    def forget_ended(self, before: float) -> None:
        """Let go of what has ended, or is not wanted any more, and was told of long ago."""
        for task_id, update in list(self._updates.items()):
            if update.at > before:
                return
            wanted = isinstance(self.about, str) and update.may_go_on
            if not wanted and (update.task.is_final or not self.matches(update.task)):
                del self._updates[task_id]
