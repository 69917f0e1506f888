"""Answers about an export: the task as a document, and where its rows go on."""

from collections.abc import Iterable
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import TaskState
from rowferry.domain.view import TaskView
from rowferry.wire.asgi import JSON_TYPE, NEVER_STORED, Send, encode_json, send_answer
from rowferry.wire.task_json import task_document

EXPORTS_PATH: Final = "/v1/exports"
ROWS_PATH: Final = f"{EXPORTS_PATH}/{{task_id}}/rows"
FINISH_PATH: Final = f"{EXPORTS_PATH}/{{task_id}}/finish"
OK: Final = 200
CREATED: Final = 201
ACCEPTED: Final = 202
SEE_OTHER: Final = 303
_NEVER_STORED_FIELD: Final = ("cache-control", NEVER_STORED)


async def send_task(
    send: Send, status: int, view: TaskView, headers: Iterable[tuple[str, str]] = ()
) -> None:
    """Answer with the task as it is then; one that takes rows says where."""
    document = task_document(view)
    if takes_rows(view):
        document["rows_url"] = ROWS_PATH.format(task_id=view.task.id)
    fields = [_NEVER_STORED_FIELD, *headers]
    await send_answer(send, status, encode_json(document), JSON_TYPE, fields)


async def send_file(send: Send, view: TaskView) -> None:
    """Answer with the way to a finished export's file."""
    fields = [_NEVER_STORED_FIELD, ("location", view.link)]
    await send_answer(send, SEE_OTHER, encode_json(task_document(view)), JSON_TYPE, fields)


def location(view: TaskView) -> tuple[str, str]:
    """Give the header field that says where the task is asked for."""
    return "location", f"{EXPORTS_PATH}/{view.task.id}"


def position_fields(view: TaskView) -> list[tuple[str, str]]:
    """Give the header fields that say how much of an export's rows is kept."""
    return [
        ("rowferry-next-sequence", str(view.next_sequence)),
        ("rowferry-rows-received", str(view.task.rows_received)),
        ("rowferry-status", view.task.state),
    ]


def takes_rows(view: TaskView) -> bool:
    """Tell whether rows may still be sent."""
    return view.next_sequence > 0


def failure_of(view: TaskView) -> RowferryError | None:
    """Give what a task that will have no file has ended with; None for any other."""
    task = view.task
    context = {**task.error_context, "task_id": task.id}
    if task.state is TaskState.FAILED and task.is_final:
        return RowferryError(ErrorCode(task.error_code), task.error_message, context)
    if task.state is TaskState.CANCELLED:
        return RowferryError(ErrorCode.CANCELLED, "The export was cancelled.", context)
    if task.state is TaskState.EXPIRED:
        message = "The file of this export is gone: use a new request_id."
        return RowferryError(ErrorCode.INVALID_STATE, message, context)
    return None
