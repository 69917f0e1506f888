"""Heartbeats: what runs here says so, shows its progress, and hears who wants it to stop."""

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import Task
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.task_journal import TaskJournal
from rowferry.ports import Observer, Renewal, TaskStore


class Leases:
    """Renews the leases of all running tasks together."""

    def __init__(
        self,
        *,
        store: TaskStore,
        live_tasks: LiveTasks,
        journal: TaskJournal,
        observer: Observer,
        heartbeat_seconds: float,
    ) -> None:
        self._store = store
        self._live_tasks = live_tasks
        self._journal = journal
        self._observer = observer
        self._heartbeat_seconds = heartbeat_seconds

    async def run(self) -> None:
        """Renew until cancelled. A database that is away is waited for: leases outlive a while."""
        while True:
            await trio.sleep(self._heartbeat_seconds)
            try:
                await self.renew()
            except RowferryError as error:
                self._observer.observe(events.SystemError(error=error, where="leases"))

    async def renew(self) -> None:
        """Renew the leases once."""
        running = [live for live in self._live_tasks if live.is_running]
        if not running:
            return
        sent = [live.snapshot() for live in running]
        renewals = await self._store.renew(sent)
        for live, task, renewal in zip(running, sent, renewals, strict=True):
            await self._heed(live, task, renewal)

    async def _heed(self, live: LiveTask, sent: Task, renewal: Renewal) -> None:
        if live.task.version != sent.version:
            return  # it moved on meanwhile: the answer is about an older state
        if not renewal.held:
            await self._journal.reload(live)
        elif renewal.cancel_reason is not None:
            await self._cancel(live, renewal.cancel_reason)

    async def _cancel(self, live: LiveTask, reason: str) -> None:
        try:
            await self._journal.cancel(live, reason)
        except RowferryError as late:
            if late.code is not ErrorCode.INVALID_STATE:  # else it has just ended
                raise
