"""What clients see of their tasks: states, links, live progress."""

from rowferry.composition.shared import Shared
from rowferry.export.queries import ExportQueries, Links
from rowferry.status.direct_links import DirectLinks
from rowferry.status.progress_hub import ProgressHub, ProgressLimits


def make_queries(shared: Shared) -> ExportQueries:
    """Build who answers what clients ask about tasks."""
    return ExportQueries(
        store=shared.adapters.store,
        live_tasks=shared.live_tasks,
        links=_links(shared),
        observer=shared.adapters.observer,
    )


def make_progress(shared: Shared, queries: ExportQueries) -> ProgressHub:
    """Build who tells watchers what changes."""
    progress = shared.config.progress
    return ProgressHub(
        store=shared.adapters.store,
        live_tasks=shared.live_tasks,
        views=queries,
        observer=shared.adapters.observer,
        now=shared.adapters.now,
        limits=ProgressLimits(
            max_watchers=progress.max_watchers,
            max_watchers_per_client=progress.max_watchers_per_client,
            sends_per_second=progress.sends_per_second,
        ),
    )


def _links(shared: Shared) -> Links:
    sealed = shared.adapters.links
    if shared.config.storage.direct_links:
        return DirectLinks(sealed, shared.adapters.storages, shared.adapters.now)
    return sealed
