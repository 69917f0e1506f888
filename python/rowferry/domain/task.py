"""A task: one export from its request to its file, and the only judge of its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Format


class TaskState(StrEnum):
    """Where a task stands, by its name in the contract."""

    SCHEDULED = "SCHEDULED"
    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    UPLOADING = "UPLOADING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Source(StrEnum):
    """Where a task's rows come from: its client pushes them, or a data provider is read."""

    PUSH = "PUSH"
    PULL = "PULL"


class Stage(StrEnum):
    """What happens inside PROCESSING."""

    NONE = ""
    INITIALIZED = "INITIALIZED"
    WRITING = "WRITING"
    FINALIZING = "FINALIZING"


_S = TaskState
TRANSITIONS: Final[Mapping[TaskState, frozenset[TaskState]]] = MappingProxyType(
    {
        _S.SCHEDULED: frozenset({_S.QUEUED, _S.FAILED, _S.CANCELLED}),
        # to itself: handed to the queue
        _S.QUEUED: frozenset({_S.QUEUED, _S.PROCESSING, _S.FAILED, _S.CANCELLED}),
        # back to QUEUED: the service stops, the rows stay in the spool
        _S.PROCESSING: frozenset(
            {_S.PROCESSING, _S.UPLOADING, _S.QUEUED, _S.FAILED, _S.CANCELLED}
        ),
        # to itself: what is known of the file, before it becomes the object
        _S.UPLOADING: frozenset({_S.UPLOADING, _S.COMPLETED, _S.QUEUED, _S.FAILED, _S.CANCELLED}),
        # EXPIRED: the file's time is over, or the task was deleted by hand
        _S.COMPLETED: frozenset({_S.EXPIRED}),
        # to itself: tried again no more, or its rows or what an attempt left are gone
        _S.FAILED: frozenset({_S.FAILED, _S.QUEUED, _S.SCHEDULED, _S.CANCELLED, _S.EXPIRED}),
        # to itself: what an attempt left in storage is gone
        _S.CANCELLED: frozenset({_S.CANCELLED, _S.EXPIRED}),
        # to itself: its rows are removed too
        _S.EXPIRED: frozenset({_S.EXPIRED}),
    }
)
RUNNING: Final = frozenset({_S.PROCESSING, _S.UPLOADING})
DEFAULT_CLIENT: Final = "default"  # without authentication, everybody is one client
UNFINISHED: Final = frozenset({_S.SCHEDULED, _S.QUEUED}) | RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityIssue:
    """Cells that could not be written to the letter: how many, and where the first one stands."""

    kind: str
    cells: int
    first_row: int  # 1-based data row
    first_column: int  # 0-based


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One export's state, never its rows. All times are UTC; 0 and "" mean not known yet."""

    id: str
    client: str
    request_id: str
    request_hash: str
    format: Format
    filename: str
    created_at: datetime
    owner: str = ""
    source: Source = Source.PUSH
    provider: str = ""
    home_node: str = ""  # who has the spool, or took the request: a node's id ...
    home_address: str = ""  # ... and where its clients find it
    state: TaskState = TaskState.QUEUED
    stage: Stage = Stage.NONE
    version: int = 1
    priority: int = 100
    attempt: int = 0  # 1 once it has run; one more with each retry
    lease_owner: str = ""  # the process that works on it
    expected_rows: int = 0
    rows_received: int = 0
    rows_written: int = 0
    rows_ended: bool = False
    error_code: str = ""
    error_message: str = ""
    error_context: Mapping[str, str] = field(default_factory=dict)
    cancel_reason: str = ""
    # the object, or what an attempt may have left under this key that is to be removed
    storage: str = ""  # the name of the storage it is in
    object_key: str = ""
    upload_id: str = ""  # the upload in parts that became it, or is to become it
    object_crc64: str = ""  # CRC-64/XZ as 16 hex digits; with it, the next two are of a whole file
    file_bytes: int = 0
    sha256: str = ""
    fidelity: tuple[FidelityIssue, ...] = ()
    run_at: datetime | None = None  # SCHEDULED: when it runs; FAILED: when it is tried again
    queued_at: datetime | None = None
    dispatched_at: datetime | None = None  # when a pulled task was last handed to the queue
    started_at: datetime | None = None
    finished_at: datetime | None = None
    link_expires_at: datetime | None = None
    file_expires_at: datetime | None = None
    spool_expires_at: datetime | None = None  # FAILED for good: until when its rows are kept

    @property
    def is_final(self) -> bool:
        """Tell whether nothing will happen to the task by itself any more."""
        return self.state not in UNFINISHED and not self.awaits_retry

    @property
    def has_file(self) -> bool:
        """Tell whether the file is in storage, or was: only then it is told of."""
        return self.state in {TaskState.COMPLETED, TaskState.EXPIRED}

    @property
    def awaits_retry(self) -> bool:
        """Tell whether the task has failed and will be tried again."""
        return self.state is TaskState.FAILED and self.run_at is not None

    @property
    def next_attempt_at(self) -> datetime | None:
        """When a failed task is tried again; None if it is not."""
        return self.run_at if self.state is TaskState.FAILED else None

    @property
    def rows_total(self) -> int:
        """The rows the file will have; 0 while that is not known."""
        is_told = self.source is Source.PUSH and self.rows_ended
        return self.rows_received if is_told else self.expected_rows

    def progress_percent(self) -> float:
        """Give 0..100; 100 only for a completed task, 0 while the number of rows is unknown."""
        if self.has_file:
            return 100.0
        total = self.rows_total
        return min(99.0, 100.0 * self.rows_written / total) if total else 0.0


def check_transition(task: Task, to: TaskState) -> None:
    """Raise INVALID_STATE unless the task may go from its state to ``to``."""
    if to not in TRANSITIONS[task.state]:
        raise RowferryError(
            ErrorCode.INVALID_STATE,
            f"The task is {task.state} and can't become {to}.",
            {"task_id": task.id, "state": task.state, "wanted": to},
        )


def state_error(task: Task, message: str) -> RowferryError:
    """Build the refusal of a call that the task's state does not allow."""
    context = {"task_id": task.id, "state": task.state}
    if task.error_code:
        context["error_code"] = task.error_code
    return RowferryError(ErrorCode.INVALID_STATE, message, context)


SHOWN_ID_CHARS: Final = 32  # a whole id; not all of what else was put in its place


def task_not_found(task_id: str) -> RowferryError:
    """Build the answer for an unknown task, which another client's task is too."""
    return RowferryError(
        ErrorCode.NOT_FOUND, "There is no such task.", {"task_id": task_id[:SHOWN_ID_CHARS]}
    )
