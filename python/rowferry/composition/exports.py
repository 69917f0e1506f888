"""The use cases of the service, all of them."""

from dataclasses import dataclass

from rowferry.composition.adapters import Adapters
from rowferry.composition.limiters import Limiters
from rowferry.composition.requests import (
    make_intake,
    make_pull_intake,
    make_pushed_rows,
    make_row_calls,
)
from rowferry.composition.runs import make_dispatcher
from rowferry.composition.shared import Shared
from rowferry.composition.status import make_progress, make_queries
from rowferry.composition.storage import make_storage_sweep
from rowferry.composition.tasks import (
    make_commands,
    make_deadlines,
    make_leases,
    make_recovery,
    make_scheduler,
)
from rowferry.config import Config
from rowferry.export.arrivals import Arrivals
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.deadlines import Deadlines
from rowferry.export.dispatcher import Dispatcher
from rowferry.export.intake import Intake
from rowferry.export.leases import Leases
from rowferry.export.live_task import LiveTasks
from rowferry.export.pull_intake import PullIntake
from rowferry.export.pushed_rows import PushedRows
from rowferry.export.queries import ExportQueries
from rowferry.export.recovery import Recovery
from rowferry.export.scheduler import Scheduler
from rowferry.export.storage_sweep import StorageSweep
from rowferry.export.task_commands import TaskCommands
from rowferry.ingest.pull_requests import PullRequests
from rowferry.ingest.push_requests import PushRequests
from rowferry.ingest.row_calls import RowCalls
from rowferry.status.progress_hub import ProgressHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """The use cases, ready to run."""

    arrivals: Arrivals
    intake: Intake
    queries: ExportQueries
    progress: ProgressHub
    commands: TaskCommands
    recovery: Recovery
    dispatcher: Dispatcher
    deadlines: Deadlines
    leases: Leases
    scheduler: Scheduler
    storage_sweep: StorageSweep
    day_quotas: DayQuotas
    row_calls: RowCalls
    pull_intake: PullIntake
    pull_requests: PullRequests
    push_requests: PushRequests
    pushed_rows: PushedRows


def assemble(
    config: Config, adapters: Adapters, limiters: Limiters, live_tasks: LiveTasks
) -> Exports:
    """Put the use cases together; nothing runs yet."""
    shared = Shared(config, adapters, limiters, live_tasks)
    queries = make_queries(shared)
    intake, pull_intake = make_intake(shared), make_pull_intake(shared)
    return Exports(
        arrivals=shared.arrivals,
        intake=intake,
        queries=queries,
        progress=make_progress(shared, queries),
        commands=make_commands(shared, queries),
        recovery=make_recovery(shared),
        dispatcher=make_dispatcher(shared),
        deadlines=make_deadlines(shared),
        leases=make_leases(shared),
        scheduler=make_scheduler(shared),
        storage_sweep=make_storage_sweep(shared),
        day_quotas=shared.quotas,
        row_calls=make_row_calls(shared, intake, queries),
        pull_intake=pull_intake,
        pull_requests=PullRequests(pull_intake, queries, adapters.observer),
        push_requests=PushRequests(intake, queries, adapters.observer),
        pushed_rows=make_pushed_rows(shared, queries),
    )
