"""What clients do to their tasks over HTTP: cancel, retry, delete."""

from typing import Protocol, cast

import msgspec

from rowferry.domain.errors import invalid_metadata
from rowferry.domain.view import TaskView
from rowferry.status.lean_quart import QuartTrio, Response, request
from rowferry.wire.asgi import JSON_TYPE, NEVER_STORED, Scope, encode_json
from rowferry.wire.asgi_routes import caller_of
from rowferry.wire.json_errors import JSON_ERRORS
from rowferry.wire.task_json import task_document


class TaskCommands(Protocol):
    """What clients may do to tasks; each raises NOT_FOUND, and INVALID_STATE if it is too late."""

    async def cancel(self, client: str, task_id: str, reason: str) -> TaskView:
        """End a task."""

    async def retry(self, client: str, task_id: str) -> TaskView:
        """Try a failed task again."""

    async def delete(self, client: str, task_id: str) -> TaskView:
        """Remove an ended task's file and rows."""


class CancelOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a cancellation, which may be left out."""

    reason: str = ""


def add_commands(app: QuartTrio, commands: TaskCommands) -> None:
    """Add the addresses; each answers with the task as it is then."""

    @app.post("/v1/exports/<task_id>/cancel")
    async def cancel_export(task_id: str) -> Response:
        order = _order(await request.body)
        return task_answer(await commands.cancel(client_of_request(), task_id, order.reason))

    @app.post("/v1/exports/<task_id>/retry")
    async def retry_export(task_id: str) -> Response:
        return task_answer(await commands.retry(client_of_request(), task_id))

    @app.delete("/v1/exports/<task_id>")
    async def delete_export(task_id: str) -> Response:
        return task_answer(await commands.delete(client_of_request(), task_id))


def client_of_request() -> str:
    """Name the client that the current request comes from."""
    return caller_of(cast("Scope", request.scope)).client


def task_answer(view: TaskView) -> Response:
    """Give a task as the answer of a call."""
    response = Response(encode_json(task_document(view)), content_type=JSON_TYPE)
    response.headers["Cache-Control"] = NEVER_STORED
    return response


def _order(body: bytes) -> CancelOrder:
    try:
        return msgspec.json.decode(body, type=CancelOrder) if body else CancelOrder()
    except JSON_ERRORS as error:
        message = f"The body is no JSON object with a reason: {error}."
        raise invalid_metadata("reason", message) from None
