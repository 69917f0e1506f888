"""The life of a task, from its request to its end."""

from dataclasses import dataclass
from typing import ClassVar

from rowferry.domain.errors import ErrorClass
from rowferry.domain.events.event import Event, Level, TaskEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCreated(TaskEvent):
    """A request was accepted and stored."""

    format: str
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyLimitReached(Event):
    """A request was refused because the queue is full."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "task"
    client: str
    queue_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQueued(TaskEvent):
    """A task waits for a slot: as one of so many, itself counted."""

    queue_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDequeued(TaskEvent):
    """A task got its slot."""

    waited_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(TaskEvent):
    """The writing of an attempt began."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskParked(TaskEvent):
    """A task whose rows stopped coming gave its slot back."""

    level: ClassVar[Level] = Level.DEBUG
    rows_written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted(TaskEvent):
    """The file is stored and its link works."""

    format: str
    rows: int
    file_bytes: int
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(TaskEvent):
    """A task ended without a file."""

    level: ClassVar[Level] = Level.ERROR
    error_code: str
    error_class: ErrorClass
    message: str
    rows_received: int
    rows_written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetryScheduled(TaskEvent):
    """An attempt failed, and the task will be tried again."""

    level: ClassVar[Level] = Level.WARNING
    error_code: str
    error_class: ErrorClass
    message: str
    attempt: int
    in_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequeued(TaskEvent):
    """A failed or scheduled task waits for a slot; its next attempt has this number."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReopened(TaskEvent):
    """A task that had failed takes rows again, or is tried again, from the rows that were kept."""

    rows_received: int
    rows_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLost(TaskEvent):
    """Somebody else took a task over that this process worked on; its work was stopped."""

    level: ClassVar[Level] = Level.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskExpired(TaskEvent):
    """The time of a file is over: it was removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDeleted(TaskEvent):
    """A task's file and rows were removed on request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCancelled(TaskEvent):
    """A task was cancelled on request."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCheckpointed(TaskEvent):
    """The service stops: the task goes back to the queue, its rows stay in the spool."""

    rows_received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecovered(TaskEvent):
    """A task of an earlier run of the service was found with its rows."""

    rows_received: int
    rows_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsOfNoTask(Event):
    """A log has rows of a task that is not known, or not this node's: it stays where it is."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "task"
    task_id: str
    state: str
