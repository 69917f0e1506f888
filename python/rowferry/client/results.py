"""What becomes of an export: its result, its state, its progress, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from rowferry.client.errors import ExportFailedError
from rowferry.client.spec import Format, Stage, TaskState, format_value
from rowferry.v1 import export_pb2 as pb

FINAL_STATES = frozenset(
    {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED, TaskState.EXPIRED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityIssue:
    """Cells that are not in the file as they came; docs/fidelity.md ("The report") has the kinds.

    ``first_row`` counts from 1 (0 = the header), ``first_column`` from 0.
    """

    kind: str
    cells: int
    first_row: int
    first_column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as it is now. Texts are "" and numbers 0 where there is nothing to tell."""

    task_id: str
    request_id: str
    state: TaskState
    format: Format | None  # None: of a newer service
    filename: str
    rows: int
    """Rows written to the file in this attempt."""
    rows_received: int
    expected_rows: int
    percent: float
    rows_per_second: float
    remaining_seconds: int | None
    stage: Stage | None
    link: str
    """Where the file is: whoever has it can fetch the file until ``link_expires``."""
    size_bytes: int
    sha256: str
    error_code: str
    error_message: str
    error_context: Mapping[str, str]
    fidelity: tuple[FidelityIssue, ...]
    attempt: int
    next_attempt: datetime | None
    """Set: FAILED is not final, it is tried again then."""
    next_sequence: int
    client: str
    owner: str
    cancel_reason: str
    created: datetime | None
    started: datetime | None
    completed: datetime | None
    link_expires: datetime | None
    file_expires: datetime | None

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more happens by itself."""
        return self.state in FINAL_STATES and self.next_attempt is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """An export's file; or, when it was not waited for, how far it is."""

    task_id: str
    request_id: str
    state: TaskState
    link: str
    """Where the file is: whoever has it can fetch the file until ``link_expires``."""
    rows: int
    size_bytes: int
    sha256: str
    fidelity: tuple[FidelityIssue, ...]
    started: datetime | None
    completed: datetime | None
    link_expires: datetime | None
    file_expires: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an export is: first its rows, then its file."""

    request_id: str
    task_id: str
    rows_sent: int
    rows_kept: int
    """Acknowledged: they survive a crash of the service."""
    reconnects: int
    """How often the connection was made again."""
    task: Task | None
    """The task's state, once all rows are with the service."""


def task_of(message: pb.TaskStatus) -> Task:
    """Read a state as the contract has it."""
    remaining = message.estimated_time_remaining
    return Task(
        task_id=message.task_id,
        request_id=message.request_id,
        state=_state(message.status),
        format=format_value(message.format),
        filename=message.filename,
        rows=message.records_processed,
        rows_received=message.rows_received,
        expected_rows=message.expected_rows,
        percent=message.progress_percent,
        rows_per_second=message.rows_per_second,
        remaining_seconds=None if remaining < 0 else remaining,
        stage=_stage(message.stage),
        link=message.oss_url,
        size_bytes=message.file_size_bytes,
        sha256=message.checksum_sha256,
        error_code=message.error_code,
        error_message=message.error_message,
        error_context=dict(message.error_context),
        fidelity=_fidelity(message),
        attempt=message.attempt,
        next_attempt=_time(message, "next_attempt_time"),
        next_sequence=message.next_sequence,
        client=message.client,
        owner=message.owner,
        cancel_reason=message.cancel_reason,
        created=_time(message, "created_time"),
        started=_time(message, "start_time"),
        completed=_time(message, "completion_time"),
        link_expires=_time(message, "link_expires"),
        file_expires=_time(message, "file_expires"),
    )


def result_of(message: pb.ExportResult, request_id: str) -> ExportResult:
    """Read a result; raise ExportFailedError for a task that ended without a file."""
    state = _state(message.status)
    may_come = state not in FINAL_STATES or message.HasField("next_attempt_time")
    if state is not TaskState.COMPLETED and not may_come:
        raise _failure(
            state,
            message.error_code,
            message.error_message,
            message.error_context,
            task_id=message.task_id,
            request_id=request_id,
        )
    return ExportResult(
        task_id=message.task_id,
        request_id=request_id,
        state=state,
        link=message.oss_url,
        rows=message.record_count,
        size_bytes=message.file_size_bytes,
        sha256=message.checksum_sha256,
        fidelity=_fidelity(message),
        started=_time(message, "start_time"),
        completed=_time(message, "completion_time"),
        link_expires=_time(message, "link_expires"),
        file_expires=_time(message, "file_expires"),
    )


def result_of_task(task: Task) -> ExportResult:
    """Give a task's result; raise ExportFailedError for a task that ended without a file."""
    if task.is_final and task.state is not TaskState.COMPLETED:
        raise failure_of_task(task)
    return ExportResult(
        task_id=task.task_id,
        request_id=task.request_id,
        state=task.state,
        link=task.link,
        rows=task.rows,
        size_bytes=task.size_bytes,
        sha256=task.sha256,
        fidelity=task.fidelity,
        started=task.started,
        completed=task.completed,
        link_expires=task.link_expires,
        file_expires=task.file_expires,
    )


def failure_of_task(task: Task) -> ExportFailedError:
    """Build the error of a task that ended without a file."""
    return _failure(
        task.state,
        task.error_code,
        task.error_message,
        task.error_context,
        task_id=task.task_id,
        request_id=task.request_id,
    )


def _failure(
    state: TaskState,
    code: str,
    message: str,
    context: Mapping[str, str],
    *,
    task_id: str,
    request_id: str,
) -> ExportFailedError:
    sentence = message or f"The task is {state}, and has no file."
    failure = ExportFailedError(code or state.upper(), sentence, context)
    failure.task_id, failure.request_id = task_id, request_id
    return failure


def _state(number: pb.TaskState) -> TaskState:
    return TaskState(pb.TaskState.Name(number).lower())


def _stage(number: pb.Stage) -> Stage | None:
    return Stage(pb.Stage.Name(number).lower()) if number else None


def _time(message: pb.TaskStatus | pb.ExportResult, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    stamp: Timestamp = getattr(message, name)
    return stamp.ToDatetime(UTC)


def _fidelity(message: pb.TaskStatus | pb.ExportResult) -> tuple[FidelityIssue, ...]:
    return tuple(
        FidelityIssue(
            kind=issue.kind,
            cells=issue.cells,
            first_row=issue.first_row,
            first_column=issue.first_column,
        )
        for issue in message.fidelity
    )
