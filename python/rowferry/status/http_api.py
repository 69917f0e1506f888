"""Tasks over HTTP: asked for and acted on, in JSON."""

from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Protocol

from werkzeug.exceptions import HTTPException

from rowferry.domain.errors import ErrorCode, RowferryError, clip, invalid_metadata
from rowferry.domain.events import SystemError  # noqa: A004  the event
from rowferry.domain.view import TaskView
from rowferry.ports import Observer, TaskQuery
from rowferry.status.http_commands import (
    TaskCommands,
    add_commands,
    client_of_request,
    task_answer,
)
from rowferry.status.http_list_query import list_query
from rowferry.status.lean_quart import QuartTrio, Response, request
from rowferry.wire.asgi import (
    JSON_TYPE,
    NEVER_STORED,
    advice,
    encode_json,
    error_document,
    no_such_address,
)
from rowferry.wire.error_status import http_status
from rowferry.wire.task_json import task_document

_MAX_BODY_BYTES = 64 << 10  # the API's own addresses take a reason at most


class TaskQueries(Protocol):
    """What clients may ask about tasks."""

    async def status(self, client: str, task_id: str) -> TaskView:
        """Give a task as of now; raise NOT_FOUND."""

    async def list(self, client: str, query: TaskQuery) -> tuple[Sequence[TaskView], str]:
        """Give a page of a client's tasks and the token of the next one, "" after the last."""


def status_api(queries: TaskQueries, commands: TaskCommands, observer: Observer) -> QuartTrio:
    """Give the API; every answer is JSON, errors and unknown addresses included."""
    app = QuartTrio(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.url_map.merge_slashes = False  # it would answer "//" with a page, and a redirect

    @app.get("/v1/exports")
    async def list_exports() -> Response:
        query = list_query(request.args.items(multi=True))
        views, next_page_token = await queries.list(client_of_request(), query)
        tasks = [task_document(view) for view in views]
        return _json({"tasks": tasks, "next_page_token": next_page_token})

    @app.get("/v1/exports/<task_id>")
    async def export_status(task_id: str) -> Response:
        return task_answer(await queries.status(client_of_request(), task_id))

    @app.before_request
    async def refuse_unknown_parameters() -> None:
        if request.endpoint not in {None, list_exports.__name__} and request.args:
            message = "This address takes no parameters in its query string."
            raise invalid_metadata(clip(next(iter(request.args))), message)

    add_commands(app, commands)
    _answer_errors_as_json(app, observer)
    return app


def api_methods(api: QuartTrio) -> Callable[[str], Collection[str]]:
    """Give what tells the methods that the API takes at a path; nothing where nothing is."""
    addresses = api.url_map.bind("")

    def methods(path: str) -> Collection[str]:
        return list(addresses.allowed_methods(path))

    return methods


def _answer_errors_as_json(app: QuartTrio, observer: Observer) -> None:
    @app.errorhandler(RowferryError)
    async def refused(error: RowferryError) -> Response:
        return _error(error, http_status(error.code))

    @app.errorhandler(HTTPException)
    async def refused_by_framework(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        if status is HTTPStatus.NOT_FOUND:
            return _error(no_such_address(), status)
        code = ErrorCode.INVALID_METADATA
        if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            code = ErrorCode.TOO_LARGE
        return _error(RowferryError(code, f"{status.phrase}."), status)

    @app.errorhandler(Exception)
    async def failed(error: Exception) -> Response:
        observer.observe(SystemError(error=error, where="status over HTTP"))
        failure = RowferryError(ErrorCode.INTERNAL, "The service failed to answer.")
        return _error(failure, http_status(failure.code))


def _error(error: RowferryError, status: int) -> Response:
    response = _json(error_document(error), status)
    response.headers.extend(advice(error))
    return response


def _json(document: object, status: int = 200) -> Response:
    response = Response(encode_json(document), status, content_type=JSON_TYPE)
    response.headers["Cache-Control"] = NEVER_STORED
    return response
