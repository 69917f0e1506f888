"""A run of a task: it gets a slot, its rows are read and written, its file is stored."""

from rowferry.composition.shared import Shared
from rowferry.composition.storage import make_uploader
from rowferry.export.adoption import Adoption
from rowferry.export.client_shares import ClientShares
from rowferry.export.dispatcher import Dispatcher
from rowferry.export.parking import PARKED_PER_SLOT, Parking
from rowferry.export.pipeline import Pipeline
from rowferry.export.row_feed import RowFeeds


def make_dispatcher(shared: Shared) -> Dispatcher:
    """Build who gives slots to tasks, and runs them."""
    adapters = shared.adapters
    return Dispatcher(
        queue=adapters.queue,
        slots=shared.slots,
        shares=ClientShares(adapters.client_rules, adapters.queue),
        live_tasks=shared.live_tasks,
        pipeline=_pipeline(shared),
        journal=shared.journal,
        leftovers=shared.leftovers,
        adoption=Adoption(
            store=adapters.store, live_tasks=shared.live_tasks, observer=adapters.observer
        ),
        observer=adapters.observer,
    )


def _pipeline(shared: Shared) -> Pipeline:
    parked = PARKED_PER_SLOT * shared.config.concurrency.max_concurrent_tasks
    return Pipeline(
        writers=shared.adapters.writers,
        uploader=make_uploader(shared),
        leftovers=shared.leftovers,
        journal=shared.journal,
        cleanup=shared.cleanup,
        parking=Parking(parked, shared.adapters.observer),
        observer=shared.adapters.observer,
        feeds=_feeds(shared),
        writer_threads=shared.writer_threads,
    )


def _feeds(shared: Shared) -> RowFeeds:
    return RowFeeds(
        providers=shared.adapters.providers,
        budget=shared.budget,
        quotas=shared.quotas,
        observer=shared.adapters.observer,
        writer_threads=shared.writer_threads,
        provider_threads=shared.limiters.provider_threads,
        provider_call_threads=shared.limiters.provider_call_threads,
    )
