"""A task as a JSON document: the fields of the contract's ``TaskStatus``, all of them, always.

Integers are numbers, enums their names, times RFC 3339 in UTC; a time that is not known is null.
"""

from dataclasses import asdict
from typing import Any, Final

from rowferry.domain.task import Stage
from rowferry.domain.view import TaskView

STAGE_UNSPECIFIED: Final = "STAGE_UNSPECIFIED"
# what a result has in common with a status; its record_count is the status' records_processed
_RESULT_FIELDS: Final = (
    "task_id",
    "status",
    "oss_url",
    "file_size_bytes",
    "progress_percent",
    "checksum_sha256",
    "error_message",
    "error_code",
    "error_context",
    "start_time",
    "completion_time",
    "fidelity",
    "link_expires",
    "next_attempt_time",
    "rows_received",
    "file_expires",
)


def task_document(view: TaskView) -> dict[str, Any]:
    """Give the document of a task as of now."""
    task = view.task
    return {
        "task_id": task.id,
        "status": task.state,
        "format": task.format,
        "filename": task.filename,
        "records_processed": task.rows_written,
        "progress_percent": task.progress_percent(),
        "oss_url": view.link,
        "file_size_bytes": task.file_bytes if task.has_file else view.file_bytes,
        "error_message": task.error_message,
        "error_code": task.error_code,
        "start_time": task.started_at,
        "completion_time": task.finished_at,
        "estimated_time_remaining": view.remaining_seconds,
        "stage": STAGE_UNSPECIFIED if task.stage is Stage.NONE else task.stage,
        "expected_rows": task.expected_rows,
        "attempt": task.attempt,
        "request_id": task.request_id,
        "client": task.client,
        "created_time": task.created_at,
        "next_sequence": view.next_sequence,
        "checksum_sha256": task.sha256 if task.has_file else "",
        "fidelity": [asdict(issue) for issue in task.fidelity],
        "rows_per_second": view.rows_per_second,
        "next_attempt_time": task.next_attempt_at,
        "error_context": dict(task.error_context),
        "link_expires": task.link_expires_at,
        "file_expires": task.file_expires_at,
        "rows_received": task.rows_received,
        "cancel_reason": task.cancel_reason,
        "owner": task.owner,
    }


def result_document(view: TaskView) -> dict[str, Any]:
    """Give the fields of the contract's ``ExportResult``."""
    document = task_document(view)
    result = {name: document[name] for name in _RESULT_FIELDS}
    return result | {"record_count": view.task.rows_written}
