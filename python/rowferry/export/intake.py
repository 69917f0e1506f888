"""A request comes in: checked, told from a repetition, stored, given its log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import Source, Task, TaskState, state_error, task_not_found
from rowferry.export.arrivals import Arrivals, check_same_request, not_stored
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask, LiveTasks, places
from rowferry.export.reopening import Reopening
from rowferry.export.session import PushSession
from rowferry.export.task_journal import TaskJournal, names
from rowferry.ports import Observer, RowSpool, RowWriters, TaskStore

CREATE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A client's way into a task. Without a session the rows are here already or not wanted."""

    task: Task
    session: PushSession | None
    is_new: bool = False


class Intake:
    """Takes pushed exports in."""

    def __init__(
        self,
        *,
        arrivals: Arrivals,
        store: TaskStore,
        spool: RowSpool,
        writers: RowWriters,
        live_tasks: LiveTasks,
        journal: TaskJournal,
        observer: Observer,
        spool_threads: DiskThreads,
        open_session: Callable[[LiveTask], PushSession],
        reopening: Reopening,
    ) -> None:
        self._arrivals = arrivals
        self._store = store
        self._spool = spool
        self._writers = writers
        self._live_tasks = live_tasks
        self._journal = journal
        self._observer = observer
        self._spool_threads = spool_threads
        self._open_session = open_session
        self._reopening = reopening

    async def open(self, client: str, spec: ExportSpec) -> Admission:
        """Take a request in, or find the task of the same request.

        Raises INVALID_METADATA, FORBIDDEN, IDEMPOTENCY_CONFLICT, INVALID_STATE, QUEUE_FULL,
        DISK_FULL, SHUTTING_DOWN.
        """
        spec.check()
        self._writers.check(spec)
        self._arrivals.check_running()
        existing = await self._store.find_request(client, spec.request_id)
        if existing is None:
            live = await self._create_whole(client, spec)
            if live is not None:
                return self._admit(live, is_new=True)
            existing = await self._store.find_request(client, spec.request_id)
        if existing is None:  # deleted between the two look-ups
            raise not_stored()
        check_same_request(existing, spec)
        return await self.resume(client, existing.id)

    async def resume(self, client: str, task_id: str) -> Admission:
        """Find the task of a broken stream or a repeated request.

        Raises NOT_FOUND, INVALID_STATE, WRONG_NODE, SHUTTING_DOWN.
        """
        self._arrivals.check_running()
        live = await self._found(client, task_id) if is_task_id(task_id) else None
        if live is not None and not live.task.is_final:
            return self._admit(live)
        if live is not None and live.task.state is TaskState.FAILED:
            await live.ended.wait()  # its log is being closed, and may be opened again
        task = await self._store.get(client, task_id) if is_task_id(task_id) else None
        if task is None:
            raise task_not_found(task_id)
        wants_no_rows = task.rows_ended or task.source is Source.PULL
        if task.state is TaskState.COMPLETED or (wants_no_rows and not task.is_final):
            return Admission(task=task, session=None)
        return self._admit(await self._reopened(task))

    async def _found(self, client: str, task_id: str) -> LiveTask | None:
        """Find a live task whose making has succeeded; wait for it if it is under way."""
        live = self._live_tasks.find(client, task_id)
        if live is None or live.is_stored:
            return live
        making = live
        await making.changed.wait_for(lambda: making.is_stored or making.ended.is_set())
        return self._live_tasks.find(client, task_id)

    async def _reopened(self, task: Task) -> LiveTask:
        """Open a task again that takes rows still, or had failed for want of them only."""
        if not task.is_final:
            return await self._reopening.begin(task)
        if not self._reopening.takes_rows_again(task):
            message = f"The task is {task.state} and takes no rows: use a new request_id."
            raise state_error(task, message)
        return await self._reopening.reopen(task)

    def _admit(self, live: LiveTask, *, is_new: bool = False) -> Admission:
        session = None if live.rows_ended else self._open_session(live)
        return Admission(task=live.snapshot(), session=session, is_new=is_new)

    async def _create_whole(self, client: str, spec: ExportSpec) -> LiveTask | None:
        """Create a task, or nothing at all even if the client goes away meanwhile.

        None if the request was stored by somebody else first.
        """
        with trio.move_on_after(CREATE_SECONDS, shield=True):
            return await self._create(client, spec)
        raise RowferryError(ErrorCode.INTERNAL, "The request could not be stored in time.")

    async def _create(self, client: str, spec: ExportSpec) -> LiveTask | None:
        # live before it is stored: whoever finds the task in the store finds it at work
        live = await self._make_live(client, spec)
        stored = None
        try:
            stored = await self._store.create(live.task, spec.document())
        finally:
            if stored is None:
                await self._journal.retire(live)  # noqa: ASYNC102  shielded inside
        if stored is None:
            return None
        live.task, live.is_stored = stored, True
        live.changed.notify()
        self._observer.observe(
            events.TaskCreated(**names(stored), format=stored.format, columns=len(spec.columns))
        )
        depth = self._live_tasks.count(TaskState.QUEUED)
        self._observer.observe(events.TaskQueued(**names(stored), queue_depth=depth))
        return live

    async def _make_live(self, client: str, spec: ExportSpec) -> LiveTask:
        self._arrivals.check_allowed(client, spec)
        with await self._arrivals.place(client, Source.PUSH, places(spec)):
            task = self._arrivals.task(client, spec, source=Source.PUSH)
            log = await self._spool_threads.run_sync(self._spool.create, task.id, spec)
        live = LiveTask(task, spec, log)
        live.is_stored = False
        self._live_tasks.add(live)
        return live
