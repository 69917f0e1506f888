from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from rowferry.domain import events
from rowferry.domain.events import Event, Level, TaskEvent

ALL_EVENTS = [
    value
    for value in vars(events).values()
    if isinstance(value, type) and issubclass(value, Event)
]
PUBLISHED = [e for e in ALL_EVENTS if e not in {Event, TaskEvent}]


def test_event_names_are_the_published_ones() -> None:
    assert {event.__name__ for event in PUBLISHED} == {
        "AccessRefused", "AccessReloadFailed", "AccessReloaded", "CallerKeptOut",
        "BatchReceived", "ConcurrencyLimitReached", "FileCreated", "FileDownloaded",
        "FileFinalized", "FileStored", "ProviderFailed", "RecordsWritten", "RowsOfNoTask",
        "ServiceReady",
        "ServiceStopped",
        "ServiceStopping", "StatusNotFound", "StatusQueried", "StreamError", "SystemError",
        "LeaseLost", "LeftoversKept", "OSSPartUploaded", "OSSUploadCompleted", "OSSUploadFailed",
        "OSSUploadStarted", "ObjectTagsFailed", "OrphanRemoved", "StorageAlert",
        "StorageCallRetried", "TaskDeleted", "TaskExpired", "TaskReopened", "TaskRequeued",
        "TaskRetryScheduled", "TaskCancelled", "TaskCheckpointed", "TaskCompleted",
        "TaskCommandAnswered", "TaskCreated", "TaskDequeued",
        "TaskFailed", "TaskParked", "TaskQueued", "TaskRecovered", "TaskStarted",
        "TempFileDeleted", "ValidationError", "WatcherJoined", "WatcherLeft", "WatcherStalled",
    }  # fmt: skip


@pytest.mark.parametrize("event", ALL_EVENTS)
def test_event_says_what_it_means_where_and_how_loud(event: type[Event]) -> None:
    assert event.__doc__
    assert event.component in {
        "access",
        "service",
        "task",
        "ingest",
        "writer",
        "storage",
        "status",
        "provider",
    }
    assert event.level in Level


@pytest.mark.parametrize("event", ALL_EVENTS)
def test_event_is_a_small_frozen_value(event: type[Event]) -> None:
    assert is_dataclass(event)
    assert not hasattr(event(**dict.fromkeys((f.name for f in fields(event)), "")), "__dict__")
    assert all(field.kw_only for field in fields(event))


@pytest.mark.parametrize("event", [e for e in PUBLISHED if issubclass(e, TaskEvent)])
def test_task_event_names_its_task_first(event: type[TaskEvent]) -> None:
    assert [f.name for f in fields(event)][:3] == ["task_id", "request_id", "client"]


def test_event_can_not_be_changed() -> None:
    event = events.TaskQueued(task_id="1", request_id="r", client="shop", queue_depth=3)
    with pytest.raises(FrozenInstanceError):
        event.queue_depth = 4  # type: ignore[misc]
    assert event == events.TaskQueued(task_id="1", request_id="r", client="shop", queue_depth=3)


@pytest.mark.parametrize("event", PUBLISHED)
def test_no_event_has_a_field_for_values_tokens_or_links(event: type[Event]) -> None:
    assert not {"value", "cell", "token", "link", "url"} & {f.name for f in fields(event)}
