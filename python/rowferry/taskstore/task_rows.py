"""A task as a row of ``task`` and back."""

from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping

from rowferry.domain.spec import Format
from rowferry.domain.task import FidelityIssue, Source, Stage, Task, TaskState
from rowferry.taskstore.paging import folded

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIELDS: Final = tuple(field.name for field in fields(Task))
_OPTIONAL_TIMES: Final = (
    "run_at",
    "queued_at",
    "dispatched_at",
    "started_at",
    "finished_at",
    "link_expires_at",
    "file_expires_at",
    "spool_expires_at",
)


def microseconds(time: datetime) -> int:
    """Give whole microseconds since 1970; the time must know its zone."""
    return (time - _EPOCH) // _MICROSECOND


def row_of(task: Task) -> dict[str, Any]:
    """Give the values of a task's columns."""
    return {name: getattr(task, name) for name in _FIELDS} | {
        "filename_folded": folded(task.filename),
        "error_context": dict(task.error_context),
        "fidelity": [asdict(issue) for issue in task.fidelity],
        "created_at": microseconds(task.created_at),
        **{name: _optional_microseconds(getattr(task, name)) for name in _OPTIONAL_TIMES},
    }


def task_of(row: RowMapping) -> Task:
    """Read what ``row_of`` gave."""
    return Task(
        **{name: row[name] for name in _FIELDS}
        | {
            "format": Format(row["format"]),
            "state": TaskState(row["state"]),
            "stage": Stage(row["stage"]),
            "fidelity": tuple(FidelityIssue(**issue) for issue in row["fidelity"]),
            "source": Source(row["source"]),
            "created_at": _time(row["created_at"]),
            **{name: _optional_time(row[name]) for name in _OPTIONAL_TIMES},
        }
    )


def _time(value: int) -> datetime:
    return _EPOCH + value * _MICROSECOND


def _optional_microseconds(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)


def _optional_time(value: int | None) -> datetime | None:
    return None if value is None else _time(value)
