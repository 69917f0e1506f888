"""The gRPC door: ``Export`` and ``Upload`` streams become rows in a task's log.

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
from rowferry.ingest.rows_call import CallLimits, RowsCall
from rowferry.ports import Observer
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.grpc_stream import CallStream

GROUP_BYTES: Final = 1 << 20  # batches that are here already go into the log in one thread hop


class GrpcExportDoor:
    """Serves the two calls that bring rows."""

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
        self._limits = CallLimits(
            idle_timeout_seconds=idle_timeout_seconds,
            max_message_bytes=max_message_bytes,
            group_bytes=group_bytes,
        )

    async def export(self, client: str, stream: CallStream) -> None:
        """Serve ``Export``: task_created, acks, result."""

        async def send_result(view: TaskView) -> None:
            result = messages.result_message(view)
            await stream.send_message(pb.ExportResponse(result=result))

        await self._serve(client, stream, send_result, with_acks=True)

    async def upload(self, client: str, stream: CallStream) -> None:
        """Serve ``Upload``: nothing but the result."""

        async def send_result(view: TaskView) -> None:
            await stream.send_message(messages.result_message(view))

        await self._serve(client, stream, send_result, with_acks=False)

    async def _serve(
        self,
        client: str,
        stream: CallStream,
        send_result: Callable[[TaskView], Awaitable[None]],
        *,
        with_acks: bool,
    ) -> None:
        # first of all, or libcurl loses the status of a call that fails while it uploads
        await stream.send_initial_metadata()
        with self._budget.open_account() as account:
            call = RowsCall(
                client,
                stream,
                intake=self._intake,
                queries=self._queries,
                account=account,
                limits=self._limits,
                with_acks=with_acks,
            )
            try:
                view = await call.run()
                await call.deliver(partial(send_result, view))
            except RowferryError as error:
                self._report(client, call, error)
                raise

    def _report(self, client: str, call: RowsCall, error: RowferryError) -> None:
        self._observer.observe(
            events.ValidationError(
                client=client,
                error_code=error.code,
                message=error.message,
                task_id=call.task_id,
                request_id=call.request_id,
            )
        )
