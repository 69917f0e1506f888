"""Calls that bring rows, whichever door they come by: served, answered, reported.

A stream that breaks never cancels its task: before the end of rows it can be resumed, after it
the task goes on alone.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.view import TaskView
from rowferry.export.byte_budget import ByteBudget
from rowferry.export.intake import Intake
from rowferry.export.queries import ExportQueries
from rowferry.ingest.row_call import CallLimits, RowCall
from rowferry.ingest.row_stream import RowStream
from rowferry.ingest.standing_admission import Recognise, while_admitted
from rowferry.ports import Observer

GROUP_BYTES: Final = 1 << 20  # batches that are here already go into the log in one thread hop

Answer = Callable[[TaskView], Awaitable[None]]


class RowCalls:
    """Serves one call after another, each within the bytes that the service may hold."""

    def __init__(
        self,
        *,
        intake: Intake,
        queries: ExportQueries,
        budget: ByteBudget,
        observer: Observer,
        idle_timeout_seconds: float,
        max_message_bytes: int,
        group_bytes: int = GROUP_BYTES,
    ) -> None:
        self._intake = intake
        self._queries = queries
        self._budget = budget
        self._observer = observer
        self.limits: Final = CallLimits(
            idle_timeout_seconds=idle_timeout_seconds,
            max_message_bytes=max_message_bytes,
            group_bytes=group_bytes,
        )

    async def serve(
        self,
        client: str,
        stream: RowStream,
        answer: Answer,
        *,
        recognise: Recognise,
        with_acks: bool,
        wait_seconds: int | None = None,
    ) -> None:
        """Take a stream's rows in and answer with the task.

        ``with_acks``: the client is sent ``task_created`` and acks meanwhile. ``wait_seconds``
        takes the place of the request's own; after ``LAST_OF_BODY`` nothing is waited for.
        The call ends, as if its connection had, once ``recognise`` raises or names somebody else.
        Raises what refuses the call, once it is reported.
        """
        with self._budget.open_account(client) as account:
            call = RowCall(
                client,
                stream,
                intake=self._intake,
                queries=self._queries,
                account=account,
                limits=self.limits,
                with_acks=with_acks,
                wait_seconds=wait_seconds,
            )
            try:
                async with while_admitted(client, recognise):
                    view = await call.run()
                    await call.deliver(partial(answer, view))
            except RowferryError as error:
                self._report(client, call, error)
                raise

    def _report(self, client: str, call: RowCall, error: RowferryError) -> None:
        self._observer.observe(
            events.ValidationError(
                client=client,
                error_code=error.code,
                message=error.message,
                task_id=call.task_id,
                request_id=call.request_id,
            )
        )
