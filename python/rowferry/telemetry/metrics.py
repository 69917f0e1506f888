"""Metrics for Prometheus: an observer that counts, and gauges that are read when asked for.

Names follow Prometheus' conventions: base units, ``_total`` for counters. No label holds anything
that grows without bound: no task, no client, no file name.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import disable_created_metrics as without_created_series

from rowferry.domain import events
from rowferry.domain.events import Event

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_EXPORT_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_STAGE_SECONDS: Final = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """Counts events. ``gauges`` are read at each scrape, on the event loop: they must be quick."""

    def __init__(
        self,
        *,
        active_tasks: Callable[[], float],
        queued_tasks: Callable[[], float],
        resident_bytes: Callable[[], float],
        disk_free_bytes: Callable[[], float],
    ) -> None:
        without_created_series()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._gauge("active_tasks", "Exports that are being written or stored.", active_tasks)
        self._gauge("queued_tasks", "Exports that wait for a slot.", queued_tasks)
        self._gauge("memory_resident_bytes", "Resident set of the service.", resident_bytes)
        self._gauge("disk_free_bytes", "Free bytes where data lies.", disk_free_bytes)
        self._watchers = Gauge(
            "rowferry_progress_watchers", "Who watches tasks now.", registry=self.registry
        )
        self._make_counters()
        self._make_histograms()
        self._received = _Growth()
        self._written = _Growth()
        self._handlers = self._handler_table()

    def observe(self, event: Event) -> None:
        """Count an event; kinds that no metric is about cost one look-up."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def exposition(self) -> bytes:
        """Give all metrics in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        Gauge(f"rowferry_{name}", text, registry=self.registry).set_function(read)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"rowferry_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"rowferry_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _make_counters(self) -> None:
        counter = self._counter
        self._tasks_created = counter("tasks_created_total", "Exports accepted.", "format")
        self._tasks_cancelled = counter("tasks_cancelled_total", "Exports cancelled.")
        self._batches = counter("batches_received_total", "Batches appended to logs.")
        self._rows_received = counter("records_received_total", "Rows appended to logs.")
        self._rows_written = counter("records_processed_total", "Rows written into files.")
        self._file_bytes = counter("file_bytes_stored_total", "Bytes of files stored.")
        self._make_storage_counters()
        self._export_errors = counter("export_errors_total", "Exports that failed.", "code")
        self._refusals = counter("refusals_total", "Calls refused for what they say.", "code")
        self._kept_out = counter(
            "access_refused_total", "Callers that did not get in.", "door", "reason"
        )
        self._queue_full = counter("queue_full_total", "Requests refused by a full queue.")
        self._stream_errors = counter("stream_errors_total", "Streams that broke off.", "code")
        self._system_errors = counter("system_errors_total", "Failures of the service itself.")
        self._queries = counter("status_queries_total", "Questions about a task's state.")
        self._not_found = counter("status_not_found_total", "Those about no known task.")
        self._watchers_stalled = counter(
            "progress_watchers_stalled_total", "Watchers let go that took nothing."
        )
        self._downloads = counter("downloads_total", "Links opened.", "way")
        self._download_bytes = counter("download_bytes_total", "Bytes sent to downloads.")

    def _make_storage_counters(self) -> None:
        counter = self._counter
        self._parts = counter("parts_uploaded_total", "Parts of files sent to storages.")
        self._upload_errors = counter(
            "oss_upload_errors_total",
            "Files that did not get into storage in an attempt.",
            "code",
        )
        self._storage_retries = counter(
            "storage_retries_total", "Calls of storages made again.", "kind"
        )
        self._storage_alerts = counter(
            "storage_alerts_total", "Failures of storages that somebody has to look at.", "kind"
        )
        self._orphans = counter(
            "storage_orphans_removed_total", "Uploads and objects without a task removed.", "kind"
        )
        self._kept_leftovers = counter(
            "storage_removals_failed_total", "Left-overs that could not be removed at once."
        )

    def _make_histograms(self) -> None:
        stage = _STAGE_SECONDS
        histogram = self._histogram
        self._export_seconds = histogram(
            "export_duration_seconds", "Request to link.", _EXPORT_SECONDS, "format"
        )
        self._queue_seconds = histogram("queue_wait_seconds", "Wait for a slot.", _EXPORT_SECONDS)
        self._finalize_seconds = histogram("finalize_duration_seconds", "Closing a file.", stage)
        self._store_seconds = histogram("store_duration_seconds", "Storing a file.", stage)

    def _handler_table(self) -> Mapping[type[Event], Callable[[Any], object]]:
        return {
            events.TaskCreated: lambda e: self._tasks_created.labels(e.format).inc(),
            events.TaskRecovered: lambda e: self._received.step(e.task_id, e.rows_received),
            events.TaskDequeued: lambda e: self._queue_seconds.observe(e.waited_seconds),
            events.TaskCompleted: self._completed,
            events.TaskFailed: self._failed,
            events.TaskCancelled: self._cancelled,
            events.BatchReceived: self._batches_received,
            events.RecordsWritten: self._records_written,
            events.FileFinalized: self._finalized,
            events.FileStored: self._stored,
            events.OSSPartUploaded: lambda _: self._parts.inc(),
            events.OSSUploadFailed: lambda e: self._upload_errors.labels(e.error_code).inc(),
            events.StorageCallRetried: lambda e: self._storage_retries.labels(e.kind).inc(),
            events.StorageAlert: lambda e: self._storage_alerts.labels(e.kind).inc(),
            events.OrphanRemoved: lambda e: self._orphans.labels(e.kind).inc(),
            events.LeftoversKept: lambda _: self._kept_leftovers.inc(),
            events.ValidationError: lambda e: self._refusals.labels(e.error_code).inc(),
            events.CallerKeptOut: lambda e: self._kept_out.labels(e.door, e.reason).inc(),
            events.ConcurrencyLimitReached: lambda _: self._queue_full.inc(),
            events.StreamError: lambda e: self._stream_errors.labels(e.error_code).inc(),
            events.SystemError: lambda _: self._system_errors.inc(),
            events.StatusQueried: lambda _: self._queries.inc(),
            events.StatusNotFound: self._status_not_found,
            events.WatcherJoined: lambda _: self._watchers.inc(),
            events.WatcherLeft: lambda _: self._watchers.dec(),
            events.WatcherStalled: lambda _: self._watchers_stalled.inc(),
            events.FileDownloaded: self._downloaded,
        }

    def _completed(self, event: events.TaskCompleted) -> None:
        self._export_seconds.labels(event.format).observe(event.duration_seconds)
        self._forget(event)

    def _failed(self, event: events.TaskFailed) -> None:
        self._export_errors.labels(event.error_code).inc()
        self._forget(event)

    def _cancelled(self, event: events.TaskCancelled) -> None:
        self._tasks_cancelled.inc()
        self._forget(event)

    def _batches_received(self, event: events.BatchReceived) -> None:
        self._batches.inc(event.batches)
        self._rows_received.inc(self._received.step(event.task_id, event.rows))

    def _records_written(self, event: events.RecordsWritten) -> None:
        self._rows_written.inc(self._written.step(event.task_id, event.rows))

    def _finalized(self, event: events.FileFinalized) -> None:
        self._rows_written.inc(self._written.step(event.task_id, event.rows))
        self._finalize_seconds.observe(event.duration_seconds)

    def _stored(self, event: events.FileStored) -> None:
        self._file_bytes.inc(event.file_bytes)
        self._store_seconds.observe(event.duration_seconds)

    def _status_not_found(self, _event: events.StatusNotFound) -> None:
        self._queries.inc()
        self._not_found.inc()

    def _downloaded(self, event: events.FileDownloaded) -> None:
        self._downloads.labels("redirected" if event.redirected else "sent").inc()
        self._download_bytes.inc(event.sent_bytes)

    def _forget(self, event: events.TaskEvent) -> None:
        self._received.forget(event.task_id)
        self._written.forget(event.task_id)


class _Growth:
    """Turns the running totals that events carry into what came on top; one entry a live task."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = {}

    def step(self, task_id: str, total: int) -> int:
        """Give how much a total grew; one that is smaller began again, with a new attempt."""
        before = self._totals.get(task_id, 0)
        self._totals[task_id] = total
        return total - before if total >= before else total

    def forget(self, task_id: str) -> None:
        """Drop a task that ended."""
        self._totals.pop(task_id, None)
