"""A request for a pulled export comes in: checked, told from a repetition, stored, put in line."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from rowferry.domain.naming import make_task_id
from rowferry.domain.node import Node
from rowferry.domain.spec import DEFAULT_PRIORITY, Column, ExportSpec
from rowferry.domain.task import Source, Task, TaskState, state_error
from rowferry.export.task_journal import names, queued
from rowferry.ports import DataProviders, Observer, RowWriters, TaskQueue, TaskStore

COLUMNS_SECONDS: Final = 30.0  # for a provider to name its columns


class PullIntake:
    """Takes exports in whose rows a data provider has; answers before a row is read."""

    def __init__(
        self,
        *,
        node: Node,
        store: TaskStore,
        queue: TaskQueue,
        providers: DataProviders,
        writers: RowWriters,
        observer: Observer,
        provider_call_threads: trio.CapacityLimiter,
        task_queue_size: int,
        now: Callable[[], datetime],
    ) -> None:
        self._node = node
        self._store = store
        self._queue = queue
        self._providers = providers
        self._writers = writers
        self._observer = observer
        self._provider_call_threads = provider_call_threads
        self._task_queue_size = task_queue_size
        self._now = now
        self._stopping = False

    def stop(self) -> None:
        """Refuse new requests from now on: the service is shutting down."""
        self._stopping = True

    async def create(self, client: str, spec: ExportSpec, run_at: datetime | None) -> Task:
        """Take a request in, or find the task of the same request; ``run_at`` None = now.

        A request that names no columns gets the provider's. Raises INVALID_METADATA,
        IDEMPOTENCY_CONFLICT, INVALID_STATE, QUEUE_FULL, PROVIDER_FAILED, SHUTTING_DOWN.
        """
        self._check_running()
        existing = await self._store.find_request(client, spec.request_id)
        if existing is None:
            whole = await self._completed(spec)
            existing = await self._create(client, spec, whole, run_at)
        if existing.request_hash != spec.request_hash():
            message = "The request_id was used for another request."
            context = {"request_id": spec.request_id, "task_id": existing.id}
            raise RowferryError(ErrorCode.IDEMPOTENCY_CONFLICT, message, context)
        if existing.is_final and existing.state is not TaskState.COMPLETED:
            message = f"The task is {existing.state}: use a new request_id."
            raise state_error(existing, message)
        return existing

    async def _completed(self, spec: ExportSpec) -> ExportSpec:
        """Check a request and add what the provider knows: defaults, columns."""
        if not spec.provider:
            message = "A pulled export names its provider."
            raise invalid_metadata("provider", message)
        parameters = self._providers.accept(spec.provider, spec.parameters)
        columns = await self._columns(replace(spec, parameters=parameters))
        sheet = replace(spec.sheets[0], columns=spec.columns or columns)
        whole = replace(spec, parameters=parameters, sheets=(sheet,))
        whole.check()
        self._writers.check(whole)
        if len(whole.columns) != len(columns):
            message = "The provider has another number of columns."
            raise invalid_metadata(
                "columns", message, expected=len(columns), got=len(whole.columns)
            )
        return whole

    async def _columns(self, spec: ExportSpec) -> tuple[Column, ...]:
        try:
            with trio.fail_after(COLUMNS_SECONDS):
                return await trio.to_thread.run_sync(
                    self._providers.columns,
                    spec.provider,
                    spec.parameters,
                    limiter=self._provider_call_threads,
                    abandon_on_cancel=True,
                )
        except trio.TooSlowError as error:
            message = "The data provider did not name its columns in time."
            context = {"provider": spec.provider}
            raise RowferryError(ErrorCode.PROVIDER_FAILED, message, context) from error
        except RowferryError as error:
            if error.code is ErrorCode.PROVIDER_FAILED:
                where = f"columns of the provider {spec.provider}"
                self._observer.observe(events.SystemError(error=error, where=where))
            raise

    async def _create(
        self, client: str, asked: ExportSpec, whole: ExportSpec, run_at: datetime | None
    ) -> Task:
        """Store a task and put it in line; give the other one if somebody was faster."""
        task = self._new_task(client, asked, run_at)
        if task.state is TaskState.QUEUED:
            await self._check_queue(client)
        stored = await self._store.create(task, whole.document())
        if stored is None:
            existing = await self._store.find_request(client, asked.request_id)
            if existing is None:  # deleted between the two look-ups
                raise RowferryError(ErrorCode.INTERNAL, "The request could not be stored.")
            return existing
        self._observer.observe(
            events.TaskCreated(**names(stored), format=stored.format, columns=len(whole.columns))
        )
        if stored.state is TaskState.QUEUED:
            self._queue.offer(queued(stored))
            self._observer.observe(
                events.TaskQueued(**names(stored), queue_depth=len(self._queue))
            )
        return stored

    def _new_task(self, client: str, asked: ExportSpec, run_at: datetime | None) -> Task:
        """Make the task; its hash is of what was asked, whatever columns the provider has."""
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
            source=Source.PULL,
            provider=asked.provider,
            priority=max(DEFAULT_PRIORITY, asked.priority),
            expected_rows=asked.expected_rows,
            home_node=self._node.id,
            home_address=self._node.address,
            created_at=now,
            state=TaskState.SCHEDULED if is_later else TaskState.QUEUED,
            run_at=run_at if is_later else None,
            queued_at=None if is_later else now,
            # offered right behind the insert; after a crash between the two, by the next start
            dispatched_at=None if is_later else now,
        )

    def _check_running(self) -> None:
        if self._stopping:
            message = "The service is shutting down: try again."
            raise RowferryError(ErrorCode.SHUTTING_DOWN, message)

    async def _check_queue(self, client: str) -> None:
        depth = await self._store.queued_pulls()
        if depth >= self._task_queue_size:
            self._observer.observe(
                events.ConcurrencyLimitReached(client=client, queue_depth=depth)
            )
            message = "The queue is full: try again later."
            raise RowferryError(ErrorCode.QUEUE_FULL, message, {"limit": self._task_queue_size})
