"""What is watched: topics by what they are about.

Finding the topics of a task costs little, however many there are: those of one owner, of which
there may be one a browser, are found by the task's owner.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from rowferry.domain.task import Task
from rowferry.status.progress_update import About, ProgressFilter, TaskUpdate, Topic


class Topics:
    """All topics that somebody follows."""

    def __init__(self) -> None:
        self._topics: Final[dict[tuple[str, About], Topic]] = {}
        # of (client, owner), owner "" = of all owners
        self._filtered: Final[dict[tuple[str, str], dict[ProgressFilter, Topic]]] = {}

    def find(self, client: str, about: About) -> Topic | None:
        """Give a topic that is followed already."""
        return self._topics.get((client, about))

    def add(self, client: str, about: About, updates: Iterable[TaskUpdate]) -> Topic:
        """Make a topic that begins with these updates."""
        topic = self._topics[client, about] = Topic(client, about)
        if isinstance(about, ProgressFilter):
            self._filtered.setdefault((client, about.owner), {})[about] = topic
        for update in sorted(updates, key=lambda update: update.change):
            topic.put(update)
        return topic

    def remove(self, topic: Topic) -> None:
        """Let a topic go that nobody follows."""
        client, about = topic.client, topic.about
        del self._topics[client, about]
        if isinstance(about, ProgressFilter):
            topics = self._filtered[client, about.owner]
            del topics[about]
            if not topics:
                del self._filtered[client, about.owner]

    def of(self, task: Task) -> Iterator[Topic]:
        """Give the topics that may be about a task."""
        own = self._topics.get((task.client, task.id))
        if own is not None:
            yield own
        for owner in {"", task.owner}:
            yield from self._filtered.get((task.client, owner), {}).values()

    def are_about(self, task: Task) -> bool:
        """Tell whether somebody may want to know of a task."""
        return next(self.of(task), None) is not None

    @property
    def filtering_clients(self) -> list[str]:
        """The clients who watch more than tasks that they named."""
        return list(dict.fromkeys(client for client, _ in self._filtered))

    def forget_ended(self, before: float) -> set[str]:
        """Let all topics forget what ended long ago; give the ids of the tasks that are left."""
        for topic in self._topics.values():
            topic.forget_ended(before)
        return {task_id for topic in self._topics.values() for task_id in topic.task_ids()}

    def __bool__(self) -> bool:
        return bool(self._topics)
