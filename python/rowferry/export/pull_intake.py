"""A request for a pulled export comes in: checked, told from a repetition, stored, put in line."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Final

import trio

from rowferry.domain import events
from rowferry.domain.errors import ErrorCode, RowferryError, invalid_metadata
from rowferry.domain.spec import Column, ExportSpec
from rowferry.domain.task import Source, Task, TaskState, state_error
from rowferry.export.arrivals import Arrivals, check_same_request, not_stored
from rowferry.export.task_journal import names, queued
from rowferry.ports import DataProviders, Observer, RowWriters, TaskQueue, TaskStore

COLUMNS_SECONDS: Final = 30.0  # for a provider to name its columns


class PullIntake:
    """Takes exports in whose rows a data provider has; answers before a row is read."""

    def __init__(
        self,
        *,
        arrivals: Arrivals,
        store: TaskStore,
        queue: TaskQueue,
        providers: DataProviders,
        writers: RowWriters,
        observer: Observer,
        provider_call_threads: trio.CapacityLimiter,
    ) -> None:
        self._arrivals = arrivals
        self._store = store
        self._queue = queue
        self._providers = providers
        self._writers = writers
        self._observer = observer
        self._provider_call_threads = provider_call_threads

    async def create(self, client: str, spec: ExportSpec, run_at: datetime | None) -> Task:
        """Take a request in, or find the task of the same request; ``run_at`` None = now.

        A request that names no columns gets the provider's. Raises INVALID_METADATA, FORBIDDEN,
        IDEMPOTENCY_CONFLICT, INVALID_STATE, QUEUE_FULL, PROVIDER_FAILED, SHUTTING_DOWN.
        """
        self._arrivals.check_running()
        existing = await self._store.find_request(client, spec.request_id)
        if existing is None:
            self._arrivals.check_allowed(client, spec)  # before a provider is asked
            whole = await self._completed(spec)
            self._arrivals.check_allowed(client, whole)  # with all columns
            existing = await self._create(client, spec, whole, run_at)
        check_same_request(existing, spec)
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
        task = self._arrivals.task(client, asked, source=Source.PULL, run_at=run_at)
        waits = task.state is TaskState.QUEUED
        with await self._arrivals.place(client, Source.PULL) if waits else nullcontext():
            stored = await self._store.create(task, whole.document())
        if stored is None:
            existing = await self._store.find_request(client, asked.request_id)
            if existing is None:  # deleted between the two look-ups
                raise not_stored()
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
