"""Requests and their rows come in."""

from functools import partial

from rowferry.composition.shared import Shared
from rowferry.export.intake import Intake
from rowferry.export.live_task import LiveTask
from rowferry.export.pull_intake import PullIntake
from rowferry.export.pushed_rows import PushedRows
from rowferry.export.queries import ExportQueries
from rowferry.export.session import PushSession
from rowferry.ingest.row_calls import GROUP_BYTES, RowCalls


def make_intake(shared: Shared) -> Intake:
    """Build who takes exports in whose rows are pushed."""
    return Intake(
        arrivals=shared.arrivals,
        store=shared.adapters.store,
        spool=shared.adapters.spool,
        writers=shared.adapters.writers,
        live_tasks=shared.live_tasks,
        journal=shared.journal,
        observer=shared.adapters.observer,
        spool_threads=shared.spool_threads,
        open_session=partial(_open_session, shared),
        reopening=shared.reopening,
    )


def make_pull_intake(shared: Shared) -> PullIntake:
    """Build who takes exports in whose rows a provider has."""
    return PullIntake(
        arrivals=shared.arrivals,
        store=shared.adapters.store,
        queue=shared.adapters.queue,
        providers=shared.adapters.providers,
        writers=shared.adapters.writers,
        observer=shared.adapters.observer,
        provider_call_threads=shared.limiters.provider_call_threads,
    )


def make_row_calls(shared: Shared, intake: Intake, queries: ExportQueries) -> RowCalls:
    """Build who serves every call that brings rows, whatever door it comes through."""
    server = shared.config.server
    return RowCalls(
        intake=intake,
        queries=queries,
        budget=shared.budget,
        observer=shared.adapters.observer,
        idle_timeout_seconds=server.idle_timeout_seconds,
        max_message_bytes=server.max_message_bytes,
        group_bytes=min(GROUP_BYTES, shared.config.performance.buffer_bytes),
    )


def make_pushed_rows(shared: Shared, queries: ExportQueries) -> PushedRows:
    """Build who tells how far the rows of a task have come."""
    return PushedRows(
        store=shared.adapters.store,
        live_tasks=shared.live_tasks,
        queries=queries,
        reopening=shared.reopening,
        sync_threads=shared.sync_threads,
    )


def _open_session(shared: Shared, live: LiveTask) -> PushSession:
    return PushSession(
        live,
        queue=shared.adapters.queue,
        fail=shared.journal.fail,
        spool_threads=shared.spool_threads,
        sync_threads=shared.sync_threads,
        max_lag_bytes=shared.config.spool.max_lag_bytes,
        quotas=shared.quotas,
        observer=shared.adapters.observer,
    )
