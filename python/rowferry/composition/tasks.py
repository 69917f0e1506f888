"""What happens to tasks besides their runs: commands, restarts, leases, times that are over."""

from rowferry.composition.shared import Shared
from rowferry.export.deadlines import Deadlines
from rowferry.export.leases import Leases
from rowferry.export.queries import ExportQueries
from rowferry.export.recovery import Recovery
from rowferry.export.scheduler import Scheduler
from rowferry.export.task_commands import TaskCommands


def make_commands(shared: Shared, queries: ExportQueries) -> TaskCommands:
    """Build who cancels, retries and deletes tasks for clients."""
    return TaskCommands(
        store=shared.adapters.store,
        live_tasks=shared.live_tasks,
        queue=shared.adapters.queue,
        journal=shared.journal,
        reopening=shared.reopening,
        removal=shared.removal,
        leftovers=shared.leftovers,
        queries=queries,
        observer=shared.adapters.observer,
    )


def make_recovery(shared: Shared) -> Recovery:
    """Build who finds the tasks of earlier runs again, before any door opens."""
    return Recovery(
        node=shared.adapters.node,
        store=shared.adapters.store,
        queue=shared.adapters.queue,
        live_tasks=shared.live_tasks,
        journal=shared.journal,
        reopening=shared.reopening,
        cleanup=shared.cleanup,
        observer=shared.adapters.observer,
    )


def make_leases(shared: Shared) -> Leases:
    """Build the heartbeat of the tasks that run here."""
    return Leases(
        store=shared.adapters.store,
        live_tasks=shared.live_tasks,
        journal=shared.journal,
        observer=shared.adapters.observer,
        heartbeat_seconds=shared.config.lease.heartbeat_seconds,
    )


def make_deadlines(shared: Shared) -> Deadlines:
    """Build who gives up on tasks of this process that wait for too long."""
    return Deadlines(
        live_tasks=shared.live_tasks,
        queue=shared.adapters.queue,
        journal=shared.journal,
        observer=shared.adapters.observer,
        queue_timeout_seconds=shared.config.concurrency.queue_timeout_seconds,
        resume_window_seconds=shared.config.spool.resume_window_seconds,
    )


def make_scheduler(shared: Shared) -> Scheduler:
    """Build the tick that does to all tasks of the store what is due."""
    return Scheduler(
        node=shared.adapters.node,
        store=shared.adapters.store,
        queue=shared.adapters.queue,
        live_tasks=shared.live_tasks,
        journal=shared.journal,
        removal=shared.removal,
        leftovers=shared.leftovers,
        cleanup=shared.cleanup,
        observer=shared.adapters.observer,
        queue_timeout_seconds=shared.config.concurrency.queue_timeout_seconds,
        tombstone_seconds=shared.config.retention.tombstone_seconds,
    )
