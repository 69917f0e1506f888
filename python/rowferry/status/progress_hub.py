"""Live progress: each change of a task goes once through here, to all who watch the task.

One ticker looks, at most four times a second, at what changed, and offers it to those whom it
concerns. Whoever can't take it then is offered the newest state the next time: nothing is queued,
and what is remembered of a watcher is one number. With many watchers the pause between two rounds
grows, so that the processor time they cost stays the same: see ``ProgressLimits``.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata, rate_limited
from rowferry.domain.naming import is_task_id
from rowferry.export.live_task import LiveTasks
from rowferry.export.signal import Signal
from rowferry.ports import Observer, TaskStore
from rowferry.status.progress_topics import Topics
from rowferry.status.progress_update import About, ProgressFilter, TaskUpdate, Topic, Updates
from rowferry.status.progress_watch import TaskViews, TaskWatch

ROUND_SECONDS: Final = 0.25  # at most four updates a second of a task
STORE_SECONDS: Final = 1.0
STALLED_SECONDS: Final = 60.0  # whoever takes nothing for so long is let go
KEPT_SECONDS: Final = 2 * STALLED_SECONDS  # of ended tasks: nobody is further behind
TEND_SECONDS: Final = 10.0
RETRY_AFTER_SECONDS: Final = 10
MAX_TASKS: Final = 100  # that one watcher names
_OFFERS_IN_A_ROW: Final = 50  # before others get their turn in the event loop


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressLimits:
    """How much watching there may be.

    ``sends_per_second``: of all watchers together; see ``Outlet.offer`` for what counts.
    """

    max_watchers: int
    max_watchers_per_client: int
    sends_per_second: int


class Outlet(Protocol):
    """Where a watcher's updates go. Plain calls in the event loop: they never wait."""

    def is_ready(self) -> bool:
        """Tell whether updates would be on their way at once."""

    def offer(self, updates: Updates) -> int:
        """Take updates, and tell what that costs: 1 = one write of a few kilobytes."""

    def tend(self) -> None:
        """Keep a quiet connection alive, now and then.

        Raises what refuses the watcher, if it would not be let in any more.
        """

    def close(self, reason: RowferryError) -> None:
        """End the watching for a reason that is the service's."""


class Watcher:
    """Somebody who watches tasks of a client."""

    def __init__(self, client: str, outlet: Outlet) -> None:
        self.client: Final = client
        self.outlet: Final = outlet
        self.topics: dict[About, Topic] = {}
        self.seen = 0  # the last change it was offered
        self.behind_since = 0.0

    @property
    def named_tasks(self) -> list[str]:
        """The ids of the tasks it watches by name."""
        return [about for about in self.topics if isinstance(about, str)]

    @property
    def ended_tasks(self) -> list[str]:
        """The ids of those of them that go on only if they are retried."""
        return [task_id for task_id in self.named_tasks if not self.topics[task_id].unfinished()]


class ProgressHub:
    """Whoever watches joins here, and says what it follows."""

    def __init__(
        self,
        *,
        store: TaskStore,
        live_tasks: LiveTasks,
        views: TaskViews,
        observer: Observer,
        now: Callable[[], datetime],
        limits: ProgressLimits,
    ) -> None:
        self._observer = observer
        self._limits = limits
        self._topics = Topics()
        self._followers: dict[Topic, set[Watcher]] = {}
        self._watch = TaskWatch(
            store=store,
            live_tasks=live_tasks,
            views=views,
            topics=self._topics,
            now=now,
            publish=self._publish,
        )
        self._watchers: set[Watcher] = set()
        self._of_client: Counter[str] = Counter()
        self._behind: dict[Watcher, None] = {}
        self._changed = Signal()  # who follows what

    def __len__(self) -> int:
        return len(self._watchers)

    async def run(self, stopping: trio.Event) -> None:
        """Keep watchers up to date until the service stops; then they are told so."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._deliver)
            nursery.start_soon(self._ask_store)
            nursery.start_soon(self._tidy)
            nursery.start_soon(self._tend_watchers)
            await stopping.wait()
            stop = RowferryError(ErrorCode.SHUTTING_DOWN, "The service is shutting down.")
            for watcher in list(self._watchers):
                watcher.outlet.close(stop)
            nursery.cancel_scope.cancel()

    @contextmanager
    def joined(self, client: str, outlet: Outlet) -> Iterator[Watcher]:
        """Count somebody in for the length of a block; raise RATE_LIMITED if they are too many."""
        limits = self._limits
        if len(self._watchers) >= limits.max_watchers:
            message = "The service has as many watchers as it may have."
            raise rate_limited(message, RETRY_AFTER_SECONDS)
        if self._of_client[client] >= limits.max_watchers_per_client:
            message = "The client has as many watchers as it may have."
            raise rate_limited(message, RETRY_AFTER_SECONDS)
        watcher = Watcher(client, outlet)
        self._watchers.add(watcher)
        self._of_client[client] += 1
        self._observer.observe(events.WatcherJoined(client=client))
        try:
            yield watcher
        finally:
            self._observer.observe(events.WatcherLeft(client=client))
            self.unfollow(watcher, list(watcher.topics))
            self._behind.pop(watcher, None)
            self._watchers.remove(watcher)
            self._of_client -= Counter([client])

    async def follow_tasks(
        self, watcher: Watcher, task_ids: Collection[str]
    ) -> Mapping[str, TaskUpdate]:
        """Watch tasks for as long as something may become of them; give them as they are now.

        Tasks that are not there, or another client's, are left out. Failed ones, which may be
        retried, make room for others. Raises INVALID_METADATA when they are too many.
        """
        if len({*watcher.named_tasks, *task_ids}) > MAX_TASKS:
            self.unfollow(watcher, watcher.ended_tasks)
        if len({*watcher.named_tasks, *task_ids}) > MAX_TASKS:
            message = f"One watcher names at most {MAX_TASKS} tasks."
            raise invalid_metadata("task_ids", message, expected=f"<= {MAX_TASKS}")
        ids = list(dict.fromkeys(filter(is_task_id, task_ids)))
        found = await self._watch.tasks(watcher.client, ids)
        for task_id, update in found.items():
            if update.may_go_on:
                self._follow(watcher, task_id, [update])
        return found

    async def follow_all(self, watcher: Watcher, wanted: ProgressFilter) -> list[TaskUpdate]:
        """Watch all of the client's tasks that a filter lets pass; give those that go on."""
        known = self._topics.find(watcher.client, wanted)
        updates = () if known else await self._watch.tasks_of(watcher.client)
        return self._follow(watcher, wanted, updates).unfinished()

    def unfollow(self, watcher: Watcher, abouts: Collection[About]) -> None:
        """Watch something no longer."""
        for about in abouts:
            topic = watcher.topics.pop(about, None)
            if topic is None:
                continue
            followers = self._followers[topic]
            followers.discard(watcher)
            if not followers:
                del self._followers[topic]
                self._topics.remove(topic)

    def _follow(self, watcher: Watcher, about: About, updates: Sequence[TaskUpdate]) -> Topic:
        topic = self._topics.find(watcher.client, about)
        if topic is None:
            topic = self._topics.add(watcher.client, about, updates)
        watcher.topics[about] = topic
        self._followers.setdefault(topic, set()).add(watcher)
        if watcher not in self._behind:
            watcher.seen = self._watch.change
        self._changed.notify()
        return topic

    def _publish(self, update: TaskUpdate) -> None:
        for topic in self._topics.of(update.task):
            if topic.put(update):
                for watcher in self._followers[topic]:
                    if watcher not in self._behind:
                        watcher.behind_since = update.at
                        self._behind[watcher] = None

    async def _deliver(self) -> None:
        while True:
            await self._changed.wait_for(lambda: bool(self._watchers))
            self._watch.look_at_live()
            cost = await self._offer_round()
            await trio.sleep(max(ROUND_SECONDS, cost / self._limits.sends_per_second))

    async def _offer_round(self) -> int:
        """Offer everybody who is behind what is new; give what that cost."""
        made: dict[tuple[Topic, int, int], Updates] = {}
        cost = 0
        for number, watcher in enumerate(list(self._behind), 1):
            if watcher in self._behind:
                cost += self._offer(watcher, made)
            if number % _OFFERS_IN_A_ROW == 0:
                await trio.lowlevel.checkpoint()
        return cost

    def _offer(self, watcher: Watcher, made: dict[tuple[Topic, int, int], Updates]) -> int:
        if not watcher.outlet.is_ready():
            if trio.current_time() - watcher.behind_since > STALLED_SECONDS:
                self._let_go(watcher)
            return 0
        updates = self._updates_of(watcher, made)
        del self._behind[watcher]
        watcher.seen = self._watch.change
        for update in updates.all if watcher.named_tasks else ():
            if not update.may_go_on:
                self.unfollow(watcher, [update.task.id])
        return watcher.outlet.offer(updates) if updates.all else 0

    def _updates_of(
        self, watcher: Watcher, made: dict[tuple[Topic, int, int], Updates]
    ) -> Updates:
        """Give what is new to a watcher; watchers of one thing who saw the same share it."""
        topics = list(watcher.topics.values())
        if len(topics) != 1:
            newest = {u.task.id: u for topic in topics for u in topic.since(watcher.seen)}
            return Updates(sorted(newest.values(), key=lambda update: update.change))
        key = (topics[0], watcher.seen, self._watch.change)
        found = made.get(key)
        if found is None:
            found = made[key] = Updates([*topics[0].since(watcher.seen)][::-1])
        return found

    def _let_go(self, watcher: Watcher) -> None:
        del self._behind[watcher]
        self._observer.observe(events.WatcherStalled(client=watcher.client))
        message = "Nothing was read for too long."
        watcher.outlet.close(RowferryError(ErrorCode.STREAM_IDLE, message))

    async def _ask_store(self) -> None:
        while True:
            await self._changed.wait_for(lambda: bool(self._topics))
            try:
                await self._watch.look_at_store()
            except RowferryError as error:  # watchers of tasks of this node need no store
                self._observer.observe(events.SystemError(error=error, where="progress"))
            await trio.sleep(STORE_SECONDS)

    async def _tidy(self) -> None:
        while True:
            await trio.sleep(STALLED_SECONDS / 2)
            left = self._topics.forget_ended(trio.current_time() - KEPT_SECONDS)
            self._watch.forget_all_but(left)

    async def _tend_watchers(self) -> None:
        while True:
            await trio.sleep(TEND_SECONDS)
            for watcher in list(self._watchers):
                try:
                    watcher.outlet.tend()
                except RowferryError as refusal:
                    watcher.outlet.close(refusal)
