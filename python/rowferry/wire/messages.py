"""Contract messages to domain values and back."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

from rowferry.domain.batch import Ack
from rowferry.domain.errors import invalid_metadata
from rowferry.domain.spec import (
    DEFAULT_PRIORITY,
    DEFAULT_SHEET_NAME,
    Column,
    DataType,
    ExportSpec,
    Format,
    FormatOptions,
    Sheet,
)
from rowferry.domain.task import FidelityIssue, Stage, Task, TaskState
from rowferry.domain.view import TaskView
from rowferry.ports import TaskQuery
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.json_errors import JSON_ERRORS

MAX_PARAMETERS_CHARS: Final = 64 << 10
_OPTION_FIELDS: Final = tuple(FormatOptions.__dataclass_fields__)


def spec_from_metadata(metadata: pb.ExportMetadata) -> ExportSpec:
    """Give the request that the metadata describes; raise INVALID_METADATA if it can't be."""
    _refuse_unbuilt(metadata)
    sheet = Sheet(
        name=metadata.options.excel_sheet_name or DEFAULT_SHEET_NAME,
        columns=tuple(_column(i, column) for i, column in enumerate(metadata.columns)),
    )
    return ExportSpec(
        request_id=metadata.request_id,
        format=_format(metadata.format),
        filename=metadata.filename,
        sheets=(sheet,),
        options=FormatOptions(**{n: getattr(metadata.options, n) for n in _OPTION_FIELDS}),
        expected_rows=metadata.expected_rows,
        ack_every=metadata.ack_every or 1,
        priority=metadata.priority or DEFAULT_PRIORITY,
        tags=dict(metadata.tags),
        wait_seconds=metadata.wait_seconds,
        owner=metadata.owner,
        retention_seconds=metadata.retention_seconds,
    )


def spec_from_create(request: pb.CreateExportRequest) -> ExportSpec:
    """Give the request for a pulled export; raise INVALID_METADATA if it can't be."""
    return replace(
        spec_from_metadata(request.metadata),
        provider=request.provider,
        parameters=_parameters(request.parameters_json),
    )


def _parameters(text: str) -> dict[str, Any]:
    if len(text) > MAX_PARAMETERS_CHARS:
        message = f"The parameters are longer than {MAX_PARAMETERS_CHARS} characters."
        raise invalid_metadata("parameters", message, got=len(text))
    try:
        parameters = msgspec.json.decode(text or "{}")
    except JSON_ERRORS:
        raise invalid_metadata("parameters", "The parameters are not valid JSON.") from None
    if not isinstance(parameters, dict):
        raise invalid_metadata("parameters", "The parameters are a JSON object.", expected="{…}")
    return parameters


def _refuse_unbuilt(metadata: pb.ExportMetadata) -> None:
    if metadata.sheets:
        raise invalid_metadata("sheets", "An export has one sheet: use columns.")
    if metadata.callback:
        message = "No webhook of this name is configured."
        raise invalid_metadata("callback", message, got=metadata.callback)


def _format(value: int) -> Format:
    name = pb.Format.Name(value) if value in pb.Format.values() else str(value)
    if value == pb.FORMAT_UNSPECIFIED:
        raise invalid_metadata("format", "format is required.", expected=", ".join(Format))
    if name not in Format.__members__:
        message = f"There is no writer for the format {name}."
        raise invalid_metadata("format", message, expected=", ".join(Format), got=name)
    return Format(name)


def _column(index: int, column: pb.ColumnDefinition) -> Column:
    if column.data_type not in pb.DataType.values():
        message = "The column's data type is unknown."
        field = f"columns[{index}].data_type"
        raise invalid_metadata(field, message, expected=", ".join(DataType), got=column.data_type)
    return Column(
        name=column.name,
        data_type=DataType(pb.DataType.Name(column.data_type)),
        width=column.width,
        format=column.format,
        key=column.key,
    )


def created_message(
    task: Task, *, next_sequence: int, max_message_bytes: int
) -> pb.ExportResponse:
    """Say which task the rows belong to, and where they go on."""
    created = pb.TaskCreated(
        task_id=task.id,
        status=task.state.value,
        next_sequence=next_sequence,
        max_message_bytes=max_message_bytes,
        rows_received=task.rows_received,
    )
    return pb.ExportResponse(task_created=created)


def ack_message(ack: Ack) -> pb.ExportResponse:
    """Say what survives a crash by now."""
    message = pb.BatchAck(
        batch_sequence=ack.batch_sequence, rows=ack.rows, bytes=ack.payload_bytes
    )
    return pb.ExportResponse(ack=message)


def result_message(view: TaskView) -> pb.ExportResult:
    """Give a task's outcome."""
    task = view.task
    return pb.ExportResult(
        task_id=task.id,
        status=task.state.value,
        oss_url=view.link,
        file_size_bytes=task.file_bytes if task.has_file else view.file_bytes,
        record_count=task.rows_written,
        progress_percent=task.progress_percent(),
        checksum_sha256=task.sha256 if task.has_file else "",
        error_message=task.error_message,
        error_code=task.error_code,
        error_context=dict(task.error_context),
        start_time=_timestamp(task.started_at),
        completion_time=_timestamp(task.finished_at),
        link_expires=_timestamp(task.link_expires_at),
        file_expires=_timestamp(task.file_expires_at),
        next_attempt_time=_timestamp(task.next_attempt_at),
        fidelity=[_fidelity(issue) for issue in task.fidelity],
        rows_received=task.rows_received,
    )


def status_message(view: TaskView) -> pb.TaskStatus:
    """Give a task's state."""
    task = view.task
    return pb.TaskStatus(
        task_id=task.id,
        status=task.state.value,
        stage=task.stage.value if task.stage is not Stage.NONE else None,
        format=task.format.value,
        filename=task.filename,
        records_processed=task.rows_written,
        progress_percent=task.progress_percent(),
        oss_url=view.link,
        file_size_bytes=task.file_bytes if task.has_file else 0,
        error_message=task.error_message,
        error_code=task.error_code,
        error_context=dict(task.error_context),
        start_time=_timestamp(task.started_at),
        completion_time=_timestamp(task.finished_at),
        created_time=_timestamp(task.created_at),
        link_expires=_timestamp(task.link_expires_at),
        file_expires=_timestamp(task.file_expires_at),
        next_attempt_time=_timestamp(task.next_attempt_at),
        estimated_time_remaining=view.remaining_seconds,
        expected_rows=task.expected_rows,
        attempt=task.attempt,
        request_id=task.request_id,
        client=task.client,
        owner=task.owner,
        next_sequence=view.next_sequence,
        checksum_sha256=task.sha256 if task.has_file else "",
        fidelity=[_fidelity(issue) for issue in task.fidelity],
        rows_per_second=view.rows_per_second,
        rows_received=task.rows_received,
        cancel_reason=task.cancel_reason,
    )


def query_from_request(request: pb.ListTasksRequest) -> TaskQuery:
    """Give the filters of a list; raise INVALID_METADATA for unknown words."""
    return TaskQuery(
        states=frozenset(_known_state(value) for value in request.states),
        formats=frozenset(_format(value) for value in request.formats),
        filename_contains=request.filename_contains,
        owner=request.owner,
        created_after=moment_of(request, "created_after"),
        created_before=moment_of(request, "created_before"),
        page_size=request.page_size,
        page_token=request.page_token,
    )


def _known_state(value: int) -> TaskState:
    name = pb.TaskState.Name(value) if value in pb.TaskState.values() else str(value)
    if name not in TaskState.__members__:
        message = "The state is unknown."
        raise invalid_metadata("states", message, expected=", ".join(TaskState), got=name)
    return TaskState(name)


def _fidelity(issue: FidelityIssue) -> pb.FidelityIssue:
    return pb.FidelityIssue(
        kind=issue.kind,
        cells=issue.cells,
        first_row=issue.first_row,
        first_column=issue.first_column,
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def moment_of(
    request: pb.ListTasksRequest | pb.CreateExportRequest, field: str
) -> datetime | None:
    """Give a time of a request, None if it is not set; raise INVALID_METADATA out of range."""
    if not request.HasField(field):
        return None
    try:
        moment: datetime = getattr(request, field).ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid_metadata(field, "The time is out of range.") from error
    return moment
