from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rowferry.domain import events
from rowferry.domain.errors import ErrorClass, ErrorCode
from rowferry.domain.events import Event
from rowferry.telemetry.metrics import Metrics
from rowferry.telemetry.resources import resident_bytes

NAMES = {"task_id": "t-1", "request_id": "r-1", "client": "default"}
OTHER = {**NAMES, "task_id": "t-2"}
SENT = events.FileDownloaded(**NAMES, sent_bytes=7, redirected=False)
REDIRECTED = events.FileDownloaded(**NAMES, sent_bytes=0, redirected=True)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(
        active_tasks=lambda: 3,
        queued_tasks=lambda: 8,
        resident_bytes=lambda: 5e7,
        disk_free_bytes=lambda: 1e9,
    )


def samples(metrics: Metrics) -> dict[str, float]:
    """Read the exposition as Prometheus would: sample name with its labels, and value."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def written(rows: int, names: dict[str, str] = NAMES) -> Event:
    return events.RecordsWritten(**names, rows=rows, file_bytes=0)


def received(rows: int, batches: int = 1) -> Event:
    return events.BatchReceived(
        **NAMES, batch_sequence=1, batches=batches, rows=rows, payload_bytes=1
    )


def completed(names: dict[str, str] = NAMES) -> Event:
    return events.TaskCompleted(
        **names, format="CSV", rows=10, file_bytes=100, duration_seconds=2.0
    )


def failed(code: ErrorCode) -> Event:
    return events.TaskFailed(
        **NAMES,
        error_code=code,
        error_class=ErrorClass.WRITE,
        message="",
        rows_received=0,
        rows_written=0,
    )


def test_gauges_are_read_when_asked_for(metrics: Metrics) -> None:
    found = samples(metrics)
    assert found["rowferry_active_tasks"] == 3
    assert found["rowferry_queued_tasks"] == 8
    assert found["rowferry_memory_resident_bytes"] == 5e7
    assert found["rowferry_disk_free_bytes"] == 1e9


@pytest.mark.parametrize(
    ("event", "sample", "value"),
    [
        (
            events.TaskCreated(**NAMES, format="CSV", columns=2),
            "tasks_created_total{format=CSV}",
            1,
        ),
        (events.TaskDequeued(**NAMES, waited_seconds=3), "queue_wait_seconds_sum", 3),
        (completed(), "export_duration_seconds_sum{format=CSV}", 2),
        (completed(), "export_duration_seconds_bucket{format=CSV,le=2.5}", 1),
        (failed(ErrorCode.DISK_FULL), "export_errors_total{code=DISK_FULL}", 1),
        (events.TaskCancelled(**NAMES, reason=""), "tasks_cancelled_total", 1),
        (received(10, batches=4), "batches_received_total", 4),
        (received(10, batches=4), "records_received_total", 10),
        (written(10), "records_processed_total", 10),
        (
            events.FileFinalized(**NAMES, rows=5, file_bytes=9, duration_seconds=0.25),
            "finalize_duration_seconds_sum",
            0.25,
        ),
        (
            events.FileStored(**NAMES, object_key="k", file_bytes=9, duration_seconds=0.5),
            "store_duration_seconds_sum",
            0.5,
        ),
        (
            events.FileStored(**NAMES, object_key="k", file_bytes=9, duration_seconds=0.5),
            "file_bytes_stored_total",
            9,
        ),
        (
            events.ValidationError(client="c", error_code="INVALID_ROW", message=""),
            "refusals_total{code=INVALID_ROW}",
            1,
        ),
        (
            events.ConcurrencyLimitReached(client="c", queue_depth=1),
            "queue_full_total",
            1,
        ),
        (
            events.StreamError(**NAMES, error_code="STREAM_LOST", rows_received=1),
            "stream_errors_total{code=STREAM_LOST}",
            1,
        ),
        (events.SystemError(error=ValueError(), where="x"), "system_errors_total", 1),
        (events.StatusQueried(**NAMES, state="QUEUED"), "status_queries_total", 1),
        (events.StatusNotFound(client="c", task_id="x"), "status_queries_total", 1),
        (events.StatusNotFound(client="c", task_id="x"), "status_not_found_total", 1),
        (SENT, "downloads_total{way=sent}", 1),
        (SENT, "download_bytes_total", 7),
        (REDIRECTED, "downloads_total{way=redirected}", 1),
    ],
)
def test_event_is_counted(metrics: Metrics, event: Event, sample: str, value: float) -> None:
    before = samples(metrics).get(f"rowferry_{sample}", 0)
    metrics.observe(event)
    assert samples(metrics)[f"rowferry_{sample}"] - before == value


def test_event_without_a_metric_changes_nothing(metrics: Metrics) -> None:
    before = samples(metrics)
    metrics.observe(events.ServiceStopped())
    assert samples(metrics) == before


@pytest.mark.parametrize(("total", "event"), [("processed", written), ("received", received)])
def test_running_totals_of_a_task_are_counted_once(
    metrics: Metrics, total: str, event: Callable[[int], Event]
) -> None:
    for rows in (10, 25, 25, 60):
        metrics.observe(event(rows))
    assert samples(metrics)[f"rowferry_records_{total}_total"] == 60


def test_tasks_are_counted_apart(metrics: Metrics) -> None:
    metrics.observe(written(10))
    metrics.observe(written(7, OTHER))
    metrics.observe(written(20))
    assert samples(metrics)["rowferry_records_processed_total"] == 27


def test_rows_written_again_are_counted_again(metrics: Metrics) -> None:
    """A task whose writer starts again from the log writes its rows a second time."""
    metrics.observe(written(50))
    metrics.observe(written(30))
    assert samples(metrics)["rowferry_records_processed_total"] == 80


def test_rows_of_an_earlier_run_are_not_counted_as_received_now(metrics: Metrics) -> None:
    metrics.observe(events.TaskRecovered(**NAMES, rows_received=100, rows_ended=False))
    metrics.observe(received(120))
    assert samples(metrics)["rowferry_records_received_total"] == 20


@pytest.mark.parametrize(
    "end", [completed(), failed(ErrorCode.INTERNAL), events.TaskCancelled(**NAMES, reason="")]
)
def test_ended_task_is_forgotten(metrics: Metrics, end: Event) -> None:
    metrics.observe(written(50))
    metrics.observe(end)
    metrics.observe(written(50))
    assert samples(metrics)["rowferry_records_processed_total"] == 100


def test_two_services_in_one_process_count_apart(metrics: Metrics) -> None:
    other = Metrics(
        active_tasks=float, queued_tasks=float, resident_bytes=float, disk_free_bytes=float
    )
    other.observe(written(5))
    assert samples(metrics)["rowferry_records_processed_total"] == 0


def test_resident_set_is_that_of_a_python_process() -> None:
    assert 8e6 < resident_bytes() < 4e9
