"""What every new export meets, pushed or pulled: a service that runs, one line, and its task."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Final

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError, rate_limited
from rowferry.domain.naming import make_task_id
from rowferry.domain.node import Node
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Source, Task, TaskState
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.live_task import LiveTasks
from rowferry.export.slots import Slots
from rowferry.ports import ClientRulesSource, Observer, TaskStore

QUEUE_RETRY_SECONDS: Final = 10.0  # nobody knows when an export ends


class Arrivals:
    """Counts who waits, and makes tasks; both intakes ask it."""

    def __init__(
        self,
        *,
        node: Node,
        store: TaskStore,
        live_tasks: LiveTasks,
        slots: Slots,
        observer: Observer,
        client_rules: ClientRulesSource,
        quotas: DayQuotas,
        task_queue_size: int,
        now: Callable[[], datetime],
    ) -> None:
        self._quotas: Final = quotas
        self._node: Final = node
        self._store: Final = store
        self._live_tasks: Final = live_tasks
        self._slots: Final = slots
        self._observer: Final = observer
        self._client_rules: Final = client_rules
        self._task_queue_size: Final = task_queue_size
        self._now: Final = now
        self._being_made: Counter[str] = Counter()
        self._places_being_made = 0
        self._counts: list[list[str]] = []
        self._stopping = False

    def stop(self) -> None:
        """Refuse new requests from now on: the service is shutting down."""
        self._stopping = True

    def check_running(self) -> None:
        """Raise SHUTTING_DOWN if nothing is taken in any more."""
        if self._stopping:
            message = "The service is shutting down: try again."
            raise RowferryError(ErrorCode.SHUTTING_DOWN, message)

    def check_allowed(self, client: str, asked: ExportSpec) -> None:
        """Raise FORBIDDEN for an export that its client may not make.

        Asked of new requests only: what was let in once goes on.
        """
        rules = self._client_rules.rules(client)
        if rules.formats is not None and asked.format not in rules.formats:
            raise _forbidden("format", "The client may not make files of this format.")
        names_provider = asked.provider and rules.providers is not None
        if names_provider and asked.provider not in (rules.providers or ()):
            raise _forbidden("provider", "The client may not use this data provider.")
        if rules.max_columns and len(asked.columns) > rules.max_columns:
            message = "The client may not make files of so many columns."
            raise _forbidden("columns", message, limit=rules.max_columns)

    async def place(
        self, client: str, source: Source, places: int = 1
    ) -> AbstractContextManager[None]:
        """Give a task its ``places`` in line, to be held while it is made.

        Raises QUEUE_FULL if none is left, RATE_LIMITED if the client's own ones are taken or it
        has used up its day. All that wait count: this node's pushed tasks, the pulled ones of the
        database, and those that are being made here. Free slots are places too, of the service.
        The last place is enough for any task.
        """
        await self._quotas.check(client)
        while True:
            with self._noting_stored_pulls() as stored:
                pulled = await self._store.queued_pulls()
                has_own = pulled and self._client_rules.rules(client).max_queued
                own_pulled = await self._store.queued_pulls(client) if has_own else 0
            own_is_full = self._own_line_is_full(client, own_pulled + stored.count(client))
            depth = self._depth(pulled + len(stored))
            if not own_is_full and depth < self._places():
                return self._held(client, source, places)
            if not stored:  # else the answers may have counted them already: they are asked again
                raise _own_line_full() if own_is_full else self._queue_full(client, depth)

    @contextmanager
    def _noting_stored_pulls(self) -> Iterator[list[str]]:
        """Note the clients of pulled tasks that are stored while the store counts them.

        They are made no more, and the answer may not have them yet.
        """
        stored: list[str] = []
        self._counts.append(stored)
        try:
            yield stored
        finally:
            self._counts = [count for count in self._counts if count is not stored]

    def _depth(self, pulled: int) -> int:
        return self._live_tasks.places_taken() + self._places_being_made + pulled

    def _places(self) -> int:
        return self._task_queue_size + self._slots.total - self._slots.in_use

    def _own_line_is_full(self, client: str, pulled: int) -> bool:
        limit = self._client_rules.rules(client).max_queued
        waiting = self._live_tasks.unclaimed_pushes(client) + self._being_made[client] + pulled
        return bool(limit) and waiting >= limit

    def _queue_full(self, client: str, depth: int) -> RowferryError:
        self._observer.observe(events.ConcurrencyLimitReached(client=client, queue_depth=depth))
        message = "The queue is full: try again later."
        return RowferryError(ErrorCode.QUEUE_FULL, message, {"limit": self._task_queue_size})

    @contextmanager
    def _held(self, client: str, source: Source, places: int) -> Iterator[None]:
        self._being_made[client] += 1
        self._places_being_made += places
        try:
            yield
        finally:
            self._places_being_made -= places
            self._being_made[client] -= 1
            if not self._being_made[client]:
                del self._being_made[client]
            if source is Source.PULL:
                for stored in self._counts:
                    stored.append(client)

    def task(
        self, client: str, asked: ExportSpec, *, source: Source, run_at: datetime | None = None
    ) -> Task:
        """Make a request's task: QUEUED, or SCHEDULED for a later ``run_at``.

        Its hash is of what was asked, whatever the service adds to it.
        """
        now = self._now()
        is_later = run_at is not None and run_at > now
        return Task(
            id=make_task_id(time.time_ns() // 1_000_000, os.urandom(10)),
            client=client,
            request_id=asked.request_id,
            request_hash=asked.request_hash(),
            format=asked.format,
            filename=asked.filename,
            owner=asked.owner,
            source=source,
            provider=asked.provider,
            priority=max(self._client_rules.rules(client).min_priority, asked.priority),
            expected_rows=asked.expected_rows,
            home_node=self._node.id,
            home_address=self._node.address,
            created_at=now,
            state=TaskState.SCHEDULED if is_later else TaskState.QUEUED,
            run_at=run_at if is_later else None,
            queued_at=None if is_later else now,
            # put in line right behind the insert; after a crash between the two, by the next start
            dispatched_at=None if is_later or source is Source.PUSH else now,
        )


def check_same_request(existing: Task, asked: ExportSpec) -> None:
    """Raise IDEMPOTENCY_CONFLICT if a request_id was used for another request."""
    if existing.request_hash != asked.request_hash():
        message = "The request_id was used for another request."
        context = {"request_id": asked.request_id, "task_id": existing.id}
        raise RowferryError(ErrorCode.IDEMPOTENCY_CONFLICT, message, context)


def not_stored() -> RowferryError:
    """Build the failure of a request that is neither new nor there: deleted between two looks."""
    return RowferryError(ErrorCode.INTERNAL, "The request could not be stored.")


def _own_line_full() -> RowferryError:
    message = "The client has as many exports in line as it may: try again later."
    return rate_limited(message, QUEUE_RETRY_SECONDS)


def _forbidden(field: str, message: str, **context: int) -> RowferryError:
    return RowferryError(ErrorCode.FORBIDDEN, message, {"field": field, **context})
