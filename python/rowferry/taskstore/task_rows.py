"""A task as a row of ``task`` and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import itemgetter
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
_TIMES: Final = ("created_at", *_OPTIONAL_TIMES)
_values: Final = itemgetter(*_FIELDS)
_MEMBERS: Final[Sequence[tuple[str, Mapping[str, StrEnum]]]] = tuple(
    (name, {member.value: member for member in kind})
    for name, kind in (
        ("format", Format),
        ("state", TaskState),
        ("stage", Stage),
        ("source", Source),
    )
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
    """Read what ``row_of`` gave; lists spend most of their time here."""
    values = dict(zip(_FIELDS, _values(row), strict=True))
    for name, members in _MEMBERS:
        values[name] = members[values[name]]
    for name in _TIMES:
        if values[name] is not None:
            values[name] = _EPOCH + timedelta(microseconds=values[name])
    values["fidelity"] = tuple(FidelityIssue(**issue) for issue in values["fidelity"])
    return Task(**values)


def _optional_microseconds(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)
