"""Calls that bring rows over HTTP: run as on every door, refused with where to go on."""

from functools import partial
from typing import Final, Protocol

from rowferry.domain.access import Door
from rowferry.domain.errors import RowferryError
from rowferry.domain.view import TaskView
from rowferry.export.pushed_rows import PushedRows
from rowferry.ingest.content_coding import ContentCodings
from rowferry.ingest.ongoing_calls import OngoingCalls
from rowferry.ingest.row_calls import RowCalls
from rowferry.ingest.row_stream import RowStream
from rowferry.ports import Doorkeeper
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.asgi import Scope
from rowferry.wire.asgi_routes import caller_of, credentials_of


class AnsweredStream(RowStream, Protocol):
    """A stream that is answered once, behind its end."""

    created: pb.TaskCreated | None

    async def over(self) -> None:
        """Wait until the end was given."""


class HttpUploads:
    """Runs one call after another, until ``calls`` is stopped."""

    def __init__(
        self,
        row_calls: RowCalls,
        rows: PushedRows,
        calls: OngoingCalls,
        codings: ContentCodings,
        doorkeeper: Doorkeeper,
    ) -> None:
        self._row_calls = row_calls
        self._calls = calls
        self._doorkeeper = doorkeeper
        self.rows: Final = rows
        self.codings: Final = codings
        self.max_message_bytes: Final = row_calls.limits.max_message_bytes

    async def run(
        self, scope: Scope, stream: AnsweredStream, wait_seconds: int | None = None
    ) -> TaskView:
        """Take the rows of a request's stream in; give the task once all of them were received.

        A refusal tells ``next_sequence`` and ``rows_received`` once there is a task.
        """
        client = caller_of(scope).client
        answers: list[TaskView] = []

        async def answer(view: TaskView) -> None:
            await stream.over()
            answers.append(view)

        try:
            with self._calls.one():
                await self._row_calls.serve(
                    client,
                    stream,
                    answer,
                    recognise=partial(
                        self._doorkeeper.recognise, Door.HTTP, credentials_of(scope)
                    ),
                    with_acks=True,
                    wait_seconds=wait_seconds,
                )
        except RowferryError as error:
            raise await self._with_position(client, stream, error) from error
        return answers[0]

    async def _with_position(
        self, client: str, stream: AnsweredStream, error: RowferryError
    ) -> RowferryError:
        if stream.created is None:
            return error
        try:
            view = await self.rows.kept(client, stream.created.task_id)
        except RowferryError:
            return error
        position = {
            "task_id": view.task.id,
            "next_sequence": view.next_sequence,
            "rows_received": view.task.rows_received,
        }
        return RowferryError(error.code, error.message, {**error.context, **position})
