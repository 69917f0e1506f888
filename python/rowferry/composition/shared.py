"""The parts that several use cases share: there is one of each in a service."""

import random
from pathlib import Path
from typing import Final

import trio

from rowferry.composition.adapters import Adapters
from rowferry.composition.limiters import Limiters
from rowferry.config import Config
from rowferry.domain.retry import RetryPolicy
from rowferry.export.arrivals import Arrivals
from rowferry.export.byte_budget import ByteBudget
from rowferry.export.cleanup import Cleanup
from rowferry.export.day_quotas import DayQuotas
from rowferry.export.disk_threads import DiskThreads
from rowferry.export.leftovers import Leftovers
from rowferry.export.live_task import LiveTasks
from rowferry.export.removal import Removal
from rowferry.export.reopening import Reopening
from rowferry.export.slots import Slots
from rowferry.export.storage_calls import StorageCalls
from rowferry.export.task_journal import TaskJournal


class Shared:
    """Built in this order: each part knows only those above it."""

    def __init__(
        self, config: Config, adapters: Adapters, limiters: Limiters, live_tasks: LiveTasks
    ) -> None:
        self.config: Final = config
        self.adapters: Final = adapters
        self.limiters: Final = limiters
        self.live_tasks: Final = live_tasks
        timeout_seconds = config.performance.write_timeout_seconds
        self.spool_threads: Final = DiskThreads(limiters.spool_threads, timeout_seconds)
        self.sync_threads: Final = DiskThreads(limiters.sync_threads, timeout_seconds)
        self.writer_threads: Final = DiskThreads(limiters.writer_threads, timeout_seconds)
        self.budget: Final = ByteBudget(config.server.max_inflight_bytes)
        self.slots: Final = Slots(trio.CapacityLimiter(config.concurrency.max_concurrent_tasks))
        self.quotas: Final = self._quotas()
        self.arrivals: Final = self._arrivals()
        self.cleanup: Final = self._cleanup()
        self.journal: Final = self._journal()
        self.storage_calls: Final = self._storage_calls()
        self.leftovers: Final = self._leftovers()
        self.removal: Final = self._removal()
        self.reopening: Final = self._reopening()

    def _quotas(self) -> DayQuotas:
        return DayQuotas(
            store=self.adapters.store,
            rules=self.adapters.client_rules,
            node_id=self.adapters.node.id,
            observer=self.adapters.observer,
            now=self.adapters.now,
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
            now=self.adapters.now,
        )

    def _cleanup(self) -> Cleanup:
        return Cleanup(
            directory=Path(self.config.temp_directory),
            spool=self.adapters.spool,
            spool_threads=self.spool_threads,
            kept_seconds=self.config.storage.kept_seconds,
            min_free_bytes=self.config.storage.min_free_bytes,
            now=lambda: self.adapters.now().timestamp(),
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
            now=self.adapters.now,
            chance=random.random,
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

    def _removal(self) -> Removal:
        return Removal(
            store=self.adapters.store,
            leftovers=self.leftovers,
            cleanup=self.cleanup,
            journal=self.journal,
            observer=self.adapters.observer,
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
