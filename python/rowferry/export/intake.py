"""A request comes in: checked, told from a repetition, stored, given its log."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import is_task_id, make_task_id
from rowferry.domain.node import Node
from rowferry.domain.spec import DEFAULT_PRIORITY, ExportSpec
from rowferry.domain.task import Source, Task, TaskState, state_error, task_not_found
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.reopening import Reopening
from rowferry.export.session import PushSession
from rowferry.export.slots import Slots
from rowferry.export.task_journal import TaskJournal, names
from rowferry.ports import Observer, RowSpool, RowWriters, TaskStore

CREATE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A client's way into a task. Without a session the rows are here already or not wanted."""

    task: Task
    session: PushSession | None


class Intake:
    """Takes pushed exports in."""

    def __init__(
        self,
        *,
        store: TaskStore,
        spool: RowSpool,
        writers: RowWriters,
        live_tasks: LiveTasks,
        journal: TaskJournal,
        observer: Observer,
        spool_threads: DiskThreads,
        open_session: Callable[[LiveTask], PushSession],
        reopening: Reopening,
        node: Node,
        task_queue_size: int,
        slots: Slots,
    ) -> None:
        self._store = store
        self._spool = spool
        self._writers = writers
        self._live_tasks = live_tasks
        self._journal = journal
        self._observer = observer
        self._spool_threads = spool_threads
        self._open_session = open_session
        self._reopening = reopening
        self._node = node
        self._task_queue_size = task_queue_size
        self._slots = slots
        self._creating = 0
        self._stopping = False

    def stop(self) -> None:
        """Refuse new requests from now on: the service is shutting down."""
        self._stopping = True

    async def open(self, client: str, spec: ExportSpec) -> Admission:
        """Take a request in, or find the task of the same request.

        Raises INVALID_METADATA, IDEMPOTENCY_CONFLICT, INVALID_STATE, QUEUE_FULL, DISK_FULL,
        SHUTTING_DOWN.
        """
        spec.check()
        self._writers.check(spec)
        self._check_running()
        existing = await self._store.find_request(client, spec.request_id)
        if existing is None:
            live = await self._create_whole(client, spec)
            if live is not None:
                return self._admit(live)
            existing = await self._store.find_request(client, spec.request_id)
        if existing is None:  # deleted between the two look-ups
            raise RowferryError(ErrorCode.INTERNAL, "The request could not be stored.")
        if existing.request_hash != spec.request_hash():
            message = "The request_id was used for another request."
            context = {"request_id": spec.request_id, "task_id": existing.id}
            raise RowferryError(ErrorCode.IDEMPOTENCY_CONFLICT, message, context)
        return await self.resume(client, existing.id)

    async def resume(self, client: str, task_id: str) -> Admission:
        """Find the task of a broken stream or a repeated request.

        Raises NOT_FOUND, INVALID_STATE, WRONG_NODE, SHUTTING_DOWN.
        """
        self._check_running()
        live = self._live_tasks.find(client, task_id) if is_task_id(task_id) else None
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

    async def _reopened(self, task: Task) -> LiveTask:
        """Open a task again that takes rows still, or had failed for want of them only."""
        if not task.is_final:
            self._reopening.check_home(task)
            raise RowferryError(ErrorCode.INTERNAL, "The task's log is not open.")
        if not self._reopening.takes_rows_again(task):
            message = f"The task is {task.state} and takes no rows: use a new request_id."
            raise state_error(task, message)
        return await self._reopening.reopen(task)

    def _admit(self, live: LiveTask) -> Admission:
        session = None if live.rows_ended else self._open_session(live)
        return Admission(task=live.snapshot(), session=session)

    async def _create_whole(self, client: str, spec: ExportSpec) -> LiveTask | None:
        """Create a task, or nothing at all even if the client goes away meanwhile.

        None if the request was stored by somebody else first.
        """
        self._check_queue(client)
        with trio.move_on_after(CREATE_SECONDS, shield=True):
            return await self._create(client, spec)
        raise RowferryError(ErrorCode.INTERNAL, "The request could not be stored in time.")

    async def _create(self, client: str, spec: ExportSpec) -> LiveTask | None:
        # live before it is stored: whoever finds the task in the store finds it at work
        live = await self._make_live(self._new_task(client, spec), spec)
        stored = None
        try:
            stored = await self._store.create(live.task, spec.document())
        finally:
            if stored is None:
                await self._journal.retire(live)  # noqa: ASYNC102  shielded inside
        if stored is None:
            return None
        live.task, live.is_stored = stored, True
        self._observer.observe(
            events.TaskCreated(**names(stored), format=stored.format, columns=len(spec.columns))
        )
        depth = self._live_tasks.count(TaskState.QUEUED)
        self._observer.observe(events.TaskQueued(**names(stored), queue_depth=depth))
        return live

    async def _make_live(self, task: Task, spec: ExportSpec) -> LiveTask:
        self._creating += 1
        try:
            log = await self._spool_threads.run_sync(self._spool.create, task.id, spec)
        finally:
            self._creating -= 1
        live = LiveTask(task, spec, log)
        live.is_stored = False
        self._live_tasks.add(live)
        return live

    def _new_task(self, client: str, spec: ExportSpec) -> Task:
        now = self._journal.now()
        return Task(
            id=make_task_id(time.time_ns() // 1_000_000, os.urandom(10)),
            client=client,
            request_id=spec.request_id,
            request_hash=spec.request_hash(),
            format=spec.format,
            filename=spec.filename,
            owner=spec.owner,
            priority=max(DEFAULT_PRIORITY, spec.priority),
            expected_rows=spec.expected_rows,
            home_node=self._node.id,
            home_address=self._node.address,
            created_at=now,
            queued_at=now,
        )

    def _check_running(self) -> None:
        if self._stopping:
            message = "The service is shutting down: try again."
            raise RowferryError(ErrorCode.SHUTTING_DOWN, message)

    def _check_queue(self, client: str) -> None:
        depth = self._live_tasks.unclaimed + self._creating
        if depth >= self._task_queue_size + self._slots.total - self._slots.in_use:
            self._observer.observe(
                events.ConcurrencyLimitReached(client=client, queue_depth=depth)
            )
            message = "The queue is full: try again later."
            raise RowferryError(ErrorCode.QUEUE_FULL, message, {"limit": self._task_queue_size})
