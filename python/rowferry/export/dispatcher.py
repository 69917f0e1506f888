"""Queued tasks get slots, in order; what ends a run ends here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.adoption import Adoption
from rowferry.export.client_shares import ClientShares
from rowferry.export.leftovers import Leftovers
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.pipeline import Pipeline
from rowferry.export.signal import Signal
from rowferry.export.slots import HeldSlot, Slots, take_slot
from rowferry.export.task_journal import CLEANUP_SECONDS, TaskJournal, names
from rowferry.ports import Observer, TaskQueue

_INTERNAL_MESSAGE: Final = "Something went wrong inside the service; its log has the details."


class Dispatcher:
    """Runs each task of the queue in a task of its own, as many at once as there are slots."""

    def __init__(
        self,
        *,
        queue: TaskQueue,
        slots: Slots,
        shares: ClientShares,
        live_tasks: LiveTasks,
        pipeline: Pipeline,
        journal: TaskJournal,
        adoption: Adoption,
        leftovers: Leftovers,
        observer: Observer,
    ) -> None:
        self._adoption = adoption
        self._leftovers = leftovers
        self._queue = queue
        self._slots = slots
        self._shares = shares
        self._live_tasks = live_tasks
        self._pipeline = pipeline
        self._journal = journal
        self._observer = observer
        self._claiming = trio.CancelScope()
        self._running: set[LiveTask] = set()
        self._run_ended = Signal()

    def stop_claiming(self) -> None:
        """Start no more tasks."""
        self._claiming.cancel()

    async def wait_for_whole_tasks(self) -> None:
        """Wait until no task runs whose rows are all here: the others wait for their clients."""
        await self._run_ended.wait_for(lambda: not any(t.rows_ended for t in self._running))

    async def run(self) -> None:
        """Dispatch until stopped; if cancelled, every running task goes back to the queue."""
        async with trio.open_nursery() as exports:
            with self._claiming:
                await self._dispatch(exports)

    async def _dispatch(self, exports: trio.Nursery) -> None:
        while True:
            await self._slots.wait_for_free()  # a more urgent task may come meanwhile
            task_id = await self._queue.next()
            live = self._live_tasks.get(task_id) or await self._adoption.adopt(task_id)
            if live is None or not live.claimable or live.run_scope is not None:
                continue
            slot = await take_slot(self._slots)
            if live.claimable:
                live.run_scope = trio.CancelScope()
                self._shares.started(live.task.client)
                exports.start_soon(self._run_one, live, live.run_scope, slot)
            else:
                slot.release()

    async def _run_one(self, live: LiveTask, scope: trio.CancelScope, slot: HeldSlot) -> None:
        waited = trio.current_time() - live.queued_since
        self._observer.observe(events.TaskDequeued(**names(live.task), waited_seconds=waited))
        async with self._closing(live, slot):
            try:
                with scope:
                    await self._run_guarded(live, slot)
            except* Exception as errors:  # noqa: BLE001  beside a cancellation, which passes the guard
                self._observer.observe(
                    events.SystemError(error=errors, where="pipeline", task_id=live.task.id)
                )

    async def _run_guarded(self, live: LiveTask, slot: HeldSlot) -> None:
        try:
            await self._pipeline.run(live, slot)
        except RowferryError as error:
            await self._fail(live, error)
        except Exception as error:  # noqa: BLE001  the edge of a run: nothing else may end the service
            self._observer.observe(
                events.SystemError(error=error, where="pipeline", task_id=live.task.id)
            )
            await self._fail(live, RowferryError(ErrorCode.INTERNAL, _INTERNAL_MESSAGE))

    async def _fail(self, live: LiveTask, error: RowferryError) -> None:
        if error.code is ErrorCode.INVALID_STATE or live.task.is_final:
            return  # somebody else ended the task or took it over, which is what stopped the run
        async with self._reporting(live, "fail"):
            await self._journal.fail(live, error)

    @asynccontextmanager
    async def _closing(self, live: LiveTask, slot: HeldSlot) -> AsyncIterator[None]:
        """At the end of a run: the slot is free, and the task retired or back in the queue."""
        self._running.add(live)
        try:
            yield
        finally:
            self._running.discard(live)
            self._run_ended.notify()
            slot.release()
            self._shares.ended(live.task.client)
            live.run_scope = None
            live.is_parked = False
            live.is_closing = True
            with trio.move_on_after(CLEANUP_SECONDS, shield=True):
                async with self._reporting(live, "leftovers"):
                    await self._leftovers.clear_live(live)
            # a storage that hangs takes its own time only
            with trio.move_on_after(CLEANUP_SECONDS, shield=True):
                async with self._reporting(live, "closing"):
                    await self._journal.close_run(live)
            live.is_closing = False

    @asynccontextmanager
    async def _reporting(self, live: LiveTask, where: str) -> AsyncIterator[None]:
        """Report a failure to end a task properly: the next start of the service mends it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  storages and disks may fail in any way
            self._observer.observe(
                events.SystemError(error=error, where=where, task_id=live.task.id)
            )
