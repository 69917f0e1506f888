"""Rows and bytes that clients may send a day: counted here, kept in the task store.

A node writes its own sums and reads those of the others, every few seconds: clients of several
nodes are counted together, behind by that much. Who has no quota is not counted.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import RowferryError, rate_limited
from rowferry.domain.quota import Usage, day_of, seconds_of_day_left
from rowferry.ports import ClientRulesSource, Observer, TaskStore

FLUSH_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 0.2  # at least, between two times that ends of calls ask for
LAST_FLUSH_SECONDS: Final = 5.0


class _DayCount:
    """A client's day: what this node counted, and what the others had when they were asked."""

    def __init__(self) -> None:
        self.own = Usage()
        self.others = Usage()
        self.written = Usage()
        self.is_read = False

    @property
    def total(self) -> Usage:
        return self.own + self.others


class DayQuotas:
    """Counts what clients send against ``rows_per_day`` and ``bytes_per_day``."""

    def __init__(
        self,
        *,
        store: TaskStore,
        rules: ClientRulesSource,
        node_id: str,
        observer: Observer,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._rules = rules
        self._node_id = node_id
        self._observer = observer
        self._now = now
        self._counts: dict[tuple[str, str], _DayCount] = {}
        self._reading = trio.Lock()
        self._asked = trio.Event()

    async def check(self, client: str) -> None:
        """Raise RATE_LIMITED if the client has used its day up, DATABASE_UNAVAILABLE if unknown.

        What is let through may go past the limit, by itself.
        """
        rules = self._rules.rules(client)
        if not self._has_quota(client):
            return
        now = self._now()
        count = self._count_of(client, day_of(now))
        if not count.is_read:
            await self._read(client, day_of(now))
        if count.total.reaches(rules.rows_per_day, rules.bytes_per_day):
            message = "The client has sent as much today as it may; the day is UTC's."
            raise rate_limited(message, seconds_of_day_left(now))

    def count(self, client: str, rows: int, payload_bytes: int) -> None:
        """Take note of what a client has sent."""
        if self._has_quota(client):
            count = self._count_of(client, day_of(self._now()))
            count.own += Usage(rows=rows, payload_bytes=payload_bytes)

    def flush_soon(self) -> None:
        """Have the counts written at once: a call has ended."""
        self._asked.set()

    async def run(self) -> None:
        """Write counts and read those of other nodes until cancelled, then write once more."""
        try:
            while True:
                with trio.move_on_after(FLUSH_SECONDS):
                    await self._asked.wait()
                self._asked = trio.Event()
                await self.flush()
                await trio.sleep(PAUSE_SECONDS)
        finally:
            with trio.move_on_after(LAST_FLUSH_SECONDS, shield=True):
                await self.flush()

    async def flush(self) -> None:
        """Write what has changed; a database that is away gets it later."""
        today = day_of(self._now())
        for (client, day), count in list(self._counts.items()):
            try:
                await self._flush_one(client, day, count)
            except RowferryError as error:
                self._observer.observe(events.SystemError(error=error, where="day quotas"))
                return
            if day < today and count.own == count.written:
                self._counts.pop((client, day), None)

    async def _flush_one(self, client: str, day: str, count: _DayCount) -> None:
        await self._read(client, day)
        if count.own != count.written:
            written = count.own
            await self._store.put_usage(client, day, self._node_id, written)
            count.written = written

    async def _read(self, client: str, day: str) -> None:
        """Read what others have counted, and at first what this node had before it started."""
        async with self._reading:
            count = self._count_of(client, day)
            by_node = dict(await self._store.usage(client, day))
            earlier = by_node.pop(self._node_id, Usage())
            count.others = sum(by_node.values(), Usage())
            if not count.is_read:
                count.own += earlier
                count.written = earlier
                count.is_read = True

    def _has_quota(self, client: str) -> bool:
        rules = self._rules.rules(client)
        return bool(rules.rows_per_day or rules.bytes_per_day)

    def _count_of(self, client: str, day: str) -> _DayCount:
        return self._counts.setdefault((client, day), _DayCount())
