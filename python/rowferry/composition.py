"""The composition root of the exports: settings and adapters become use cases."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio

from rowferry.access.credential_files import CredentialFiles
from rowferry.config import Config
from rowferry.domain.multipart import UploadPolicy
from rowferry.domain.node import Node
from rowferry.domain.retry import RetryPolicy
from rowferry.export.adoption import Adoption
from rowferry.export.arrivals import Arrivals
from rowferry.export.byte_budget import ByteBudget
from rowferry.export.cleanup import Cleanup
from rowferry.export.client_shares import ClientShares
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.deadlines import Deadlines
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.dispatcher import Dispatcher
from rowferry.export.intake import Intake
from rowferry.export.leases import Leases
from rowferry.export.leftovers import Leftovers
from rowferry.export.live_task import LiveTask, LiveTasks
from rowferry.export.parking import PARKED_PER_SLOT, Parking
from rowferry.export.pipeline import Pipeline
from rowferry.export.pull_intake import PullIntake
from rowferry.export.pushed_rows import PushedRows
from rowferry.export.queries import ExportQueries, Links
from rowferry.export.recovery import Recovery
from rowferry.export.removal import Removal
from rowferry.export.reopening import Reopening
from rowferry.export.row_feed import RowFeeds
from rowferry.export.scheduler import Scheduler
from rowferry.export.session import PushSession
from rowferry.export.slots import Slots
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.storage_sweep import StorageSweep
from rowferry.export.task_commands import TaskCommands
from rowferry.export.task_journal import TaskJournal
from rowferry.export.uploader import Uploader
from rowferry.ingest.pull_requests import PullRequests
from rowferry.ingest.push_requests import PushRequests
from rowferry.ingest.row_calls import GROUP_BYTES, RowCalls
from rowferry.ports import (
    ClientRulesSource,
    DataProviders,
    Doorkeeper,
    Observer,
    RowBodies,
    RowSpool,
    RowWriters,
    Storages,
    TaskQueue,
    TaskStore,
)
from rowferry.status.direct_links import MAX_SIGNED_SECONDS, DirectLinks
from rowferry.status.http_links import LinkSealer
from rowferry.status.progress_hub import ProgressHub, ProgressLimits

PROVIDER_CALL_THREADS: Final = 8
# They only wait for the disk; logs that are synced at once share a commit of its journal.
SYNC_THREADS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the use cases stand on."""

    store: TaskStore
    queue: TaskQueue
    spool: RowSpool
    bodies: RowBodies
    writers: RowWriters
    storages: Storages
    providers: DataProviders
    links: LinkSealer
    observer: Observer
    node: Node
    doorkeeper: Doorkeeper
    client_rules: ClientRulesSource
    credentials: CredentialFiles | None = None  # of callers who have to say who they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiters:
    """The threads there are, by what they do; nothing else starts any, but for the task store."""

    spool_threads: trio.CapacityLimiter
    sync_threads: trio.CapacityLimiter
    writer_threads: trio.CapacityLimiter
    upload_threads: trio.CapacityLimiter
    download_threads: trio.CapacityLimiter
    provider_threads: trio.CapacityLimiter  # one an export, for as long as it is read
    provider_call_threads: trio.CapacityLimiter  # short questions, and cancellations


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


def limiters_for(config: Config) -> Limiters:
    """Size the thread limiters."""
    return Limiters(
        spool_threads=trio.CapacityLimiter(max(2, config.writer_threads)),
        sync_threads=trio.CapacityLimiter(SYNC_THREADS),
        writer_threads=trio.CapacityLimiter(config.writer_threads),
        upload_threads=trio.CapacityLimiter(config.concurrency.upload_threads),
        download_threads=trio.CapacityLimiter(config.concurrency.upload_threads),
        provider_threads=trio.CapacityLimiter(config.provider_threads),
        provider_call_threads=trio.CapacityLimiter(PROVIDER_CALL_THREADS),
    )


def upload_policy(config: Config) -> UploadPolicy:
    """Give the settings of the chosen storage that uploads go by."""
    uploads = config.uploads
    return UploadPolicy(
        prefix=uploads.prefix,
        upload_while_writing=config.storage.upload_while_writing,
        part_bytes=uploads.part_bytes,
        multipart_threshold_bytes=uploads.multipart_threshold_bytes,
        parallel_parts=uploads.parallel_parts,
        upload_timeout_seconds=uploads.upload_timeout_seconds,
        falls_back=uploads.fallback == "local",
    )


def link_expiry_seconds(config: Config) -> int:
    """Give how long links work: for no longer than signatures do, where links are such."""
    wanted = config.storage.link_expiry_seconds
    is_signed = config.storage.direct_links and not config.uploads.public_bucket
    return min(wanted, MAX_SIGNED_SECONDS) if is_signed else wanted


def utc_now() -> datetime:
    """Give the time of day."""
    return datetime.now(UTC)


def assemble(
    config: Config, adapters: Adapters, limiters: Limiters, live_tasks: LiveTasks
) -> Exports:
    """Put the use cases together; nothing runs yet."""
    return _Assembly(config, adapters, limiters, live_tasks).exports()


class _Assembly:
    """Builds the parts that others share, once."""

    def __init__(
        self, config: Config, adapters: Adapters, limiters: Limiters, live_tasks: LiveTasks
    ) -> None:
        self.config = config
        self.adapters = adapters
        self.limiters = limiters
        self.live_tasks = live_tasks
        timeout_seconds = config.performance.write_timeout_seconds
        self.spool_threads = DiskThreads(limiters.spool_threads, timeout_seconds)
        self.sync_threads = DiskThreads(limiters.sync_threads, timeout_seconds)
        self.writer_threads = DiskThreads(limiters.writer_threads, timeout_seconds)
        self.budget = ByteBudget(config.server.max_inflight_bytes)
        slot_count = config.concurrency.max_concurrent_tasks
        self.slots = Slots(trio.CapacityLimiter(slot_count))
        self.parking = Parking(PARKED_PER_SLOT * slot_count, adapters.observer)
        self.cleanup = Cleanup(
            directory=Path(config.temp_directory),
            spool=adapters.spool,
            spool_threads=self.spool_threads,
            kept_seconds=config.storage.kept_seconds,
            min_free_bytes=config.storage.min_free_bytes,
            now=lambda: utc_now().timestamp(),
        )
        self.quotas = DayQuotas(
            store=adapters.store,
            rules=adapters.client_rules,
            node_id=adapters.node.id,
            observer=adapters.observer,
            now=utc_now,
        )
        self.arrivals = self._arrivals()
        self.journal = self._journal()
        self.storage_calls = self._storage_calls()
        self.leftovers = self._leftovers()
        self.removal = self._removal()
        self.reopening = self._reopening()

    def exports(self) -> Exports:
        intake, queries = self._intake(), self._queries()
        pull_intake = self._pull_intake()
        commands = self._commands(queries)
        return Exports(
            arrivals=self.arrivals,
            intake=intake,
            queries=queries,
            progress=self._progress(queries),
            commands=commands,
            recovery=self._recovery(),
            dispatcher=self._dispatcher(),
            deadlines=self._deadlines(),
            leases=self._leases(),
            scheduler=self._scheduler(),
            storage_sweep=self._storage_sweep(),
            day_quotas=self.quotas,
            row_calls=self._row_calls(intake, queries),
            pull_intake=pull_intake,
            pull_requests=PullRequests(pull_intake, queries, self.adapters.observer),
            push_requests=PushRequests(intake, queries, self.adapters.observer),
            pushed_rows=self._pushed_rows(queries),
        )

    def _journal(self) -> TaskJournal:
        retry = self.config.retry
        return TaskJournal(
            node=self.adapters.node,
            store=self.adapters.store,
            live_tasks=self.live_tasks,
            cleanup=self.cleanup,
            observer=self.adapters.observer,
            retry=RetryPolicy(
                max_attempts=retry.max_attempts,
                base_seconds=retry.base_seconds,
                cap_seconds=retry.cap_seconds,
            ),
            failed_spool_seconds=self.config.retention.failed_spool_seconds,
            now=utc_now,
            chance=random.random,
        )

    def _arrivals(self) -> Arrivals:
        return Arrivals(
            node=self.adapters.node,
            store=self.adapters.store,
            live_tasks=self.live_tasks,
            slots=self.slots,
            observer=self.adapters.observer,
            client_rules=self.adapters.client_rules,
            quotas=self.quotas,
            task_queue_size=self.config.concurrency.task_queue_size,
            now=utc_now,
        )

    def _removal(self) -> Removal:
        return Removal(
            store=self.adapters.store,
            leftovers=self.leftovers,
            cleanup=self.cleanup,
            journal=self.journal,
            observer=self.adapters.observer,
        )

    def _storage_calls(self) -> StorageCalls:
        return StorageCalls(
            threads=self.limiters.upload_threads,
            max_retries=self.config.uploads.max_retries,
            chance=random.random,
            observer=self.adapters.observer,
        )

    def _leftovers(self) -> Leftovers:
        return Leftovers(
            storages=self.adapters.storages,
            calls=self.storage_calls,
            journal=self.journal,
            observer=self.adapters.observer,
        )

    def _storage_sweep(self) -> StorageSweep:
        return StorageSweep(
            store=self.adapters.store,
            storages=self.adapters.storages,
            prefix=self.config.uploads.prefix,
            calls=self.storage_calls,
            observer=self.adapters.observer,
            lease_seconds=self.config.lease.seconds,
            now=utc_now,
        )

    def _reopening(self) -> Reopening:
        return Reopening(
            node=self.adapters.node,
            store=self.adapters.store,
            spool=self.adapters.spool,
            live_tasks=self.live_tasks,
            journal=self.journal,
            observer=self.adapters.observer,
            spool_threads=self.spool_threads,
        )

    def _intake(self) -> Intake:
        return Intake(
            arrivals=self.arrivals,
            store=self.adapters.store,
            spool=self.adapters.spool,
            writers=self.adapters.writers,
            live_tasks=self.live_tasks,
            journal=self.journal,
            observer=self.adapters.observer,
            spool_threads=self.spool_threads,
            open_session=self._open_session,
            reopening=self.reopening,
        )

    def _open_session(self, live: LiveTask) -> PushSession:
        return PushSession(
            live,
            queue=self.adapters.queue,
            fail=self.journal.fail,
            spool_threads=self.spool_threads,
            sync_threads=self.sync_threads,
            max_lag_bytes=self.config.spool.max_lag_bytes,
            quotas=self.quotas,
            observer=self.adapters.observer,
        )

    def _queries(self) -> ExportQueries:
        return ExportQueries(
            store=self.adapters.store,
            live_tasks=self.live_tasks,
            links=self._links(),
            observer=self.adapters.observer,
        )

    def _progress(self, queries: ExportQueries) -> ProgressHub:
        progress = self.config.progress
        return ProgressHub(
            store=self.adapters.store,
            live_tasks=self.live_tasks,
            views=queries,
            observer=self.adapters.observer,
            now=utc_now,
            limits=ProgressLimits(
                max_watchers=progress.max_watchers,
                max_watchers_per_client=progress.max_watchers_per_client,
                sends_per_second=progress.sends_per_second,
            ),
        )

    def _links(self) -> Links:
        sealed = self.adapters.links
        if self.config.storage.direct_links:
            return DirectLinks(sealed, self.adapters.storages, utc_now)
        return sealed

    def _commands(self, queries: ExportQueries) -> TaskCommands:
        return TaskCommands(
            store=self.adapters.store,
            live_tasks=self.live_tasks,
            queue=self.adapters.queue,
            journal=self.journal,
            reopening=self.reopening,
            removal=self.removal,
            leftovers=self.leftovers,
            queries=queries,
            observer=self.adapters.observer,
        )

    def _recovery(self) -> Recovery:
        return Recovery(
            node=self.adapters.node,
            store=self.adapters.store,
            queue=self.adapters.queue,
            live_tasks=self.live_tasks,
            journal=self.journal,
            reopening=self.reopening,
            cleanup=self.cleanup,
            observer=self.adapters.observer,
        )

    def _leases(self) -> Leases:
        return Leases(
            store=self.adapters.store,
            live_tasks=self.live_tasks,
            journal=self.journal,
            observer=self.adapters.observer,
            heartbeat_seconds=self.config.lease.heartbeat_seconds,
        )

    def _scheduler(self) -> Scheduler:
        return Scheduler(
            node=self.adapters.node,
            store=self.adapters.store,
            queue=self.adapters.queue,
            live_tasks=self.live_tasks,
            journal=self.journal,
            removal=self.removal,
            leftovers=self.leftovers,
            cleanup=self.cleanup,
            observer=self.adapters.observer,
            queue_timeout_seconds=self.config.concurrency.queue_timeout_seconds,
            tombstone_seconds=self.config.retention.tombstone_seconds,
        )

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            queue=self.adapters.queue,
            slots=self.slots,
            shares=ClientShares(self.adapters.client_rules, self.adapters.queue),
            live_tasks=self.live_tasks,
            pipeline=self._pipeline(),
            journal=self.journal,
            leftovers=self.leftovers,
            adoption=Adoption(
                store=self.adapters.store,
                live_tasks=self.live_tasks,
                observer=self.adapters.observer,
            ),
            observer=self.adapters.observer,
        )

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            writers=self.adapters.writers,
            uploader=self._uploader(),
            leftovers=self.leftovers,
            journal=self.journal,
            cleanup=self.cleanup,
            parking=self.parking,
            observer=self.adapters.observer,
            feeds=self._feeds(),
            writer_threads=self.writer_threads,
        )

    def _pull_intake(self) -> PullIntake:
        return PullIntake(
            arrivals=self.arrivals,
            store=self.adapters.store,
            queue=self.adapters.queue,
            providers=self.adapters.providers,
            writers=self.adapters.writers,
            observer=self.adapters.observer,
            provider_call_threads=self.limiters.provider_call_threads,
        )

    def _feeds(self) -> RowFeeds:
        return RowFeeds(
            providers=self.adapters.providers,
            budget=self.budget,
            quotas=self.quotas,
            observer=self.adapters.observer,
            writer_threads=self.writer_threads,
            provider_threads=self.limiters.provider_threads,
            provider_call_threads=self.limiters.provider_call_threads,
        )

    def _uploader(self) -> Uploader:
        return Uploader(
            storages=self.adapters.storages,
            policy=upload_policy(self.config),
            calls=self.storage_calls,
            writers=self.adapters.writers,
            journal=self.journal,
            cleanup=self.cleanup,
            observer=self.adapters.observer,
            writer_threads=self.limiters.writer_threads,
            link_expiry_seconds=link_expiry_seconds(self.config),
            file_seconds=self.config.retention.file_seconds,
        )

    def _deadlines(self) -> Deadlines:
        return Deadlines(
            live_tasks=self.live_tasks,
            queue=self.adapters.queue,
            journal=self.journal,
            observer=self.adapters.observer,
            queue_timeout_seconds=self.config.concurrency.queue_timeout_seconds,
            resume_window_seconds=self.config.spool.resume_window_seconds,
        )

    def _pushed_rows(self, queries: ExportQueries) -> PushedRows:
        return PushedRows(
            store=self.adapters.store,
            live_tasks=self.live_tasks,
            queries=queries,
            reopening=self.reopening,
            sync_threads=self.sync_threads,
        )

    def _row_calls(self, intake: Intake, queries: ExportQueries) -> RowCalls:
        return RowCalls(
            intake=intake,
            queries=queries,
            budget=self.budget,
            observer=self.adapters.observer,
            idle_timeout_seconds=self.config.server.idle_timeout_seconds,
            max_message_bytes=self.config.server.max_message_bytes,
            group_bytes=min(GROUP_BYTES, self.config.performance.buffer_bytes),
        )
