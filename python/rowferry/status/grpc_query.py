"""The gRPC calls about tasks: query, list, watch, cancel."""

from typing import Final

from rowferry.export.queries import ExportQueries
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.grpc_stream import CallStream

DEFAULT_WATCH_INTERVAL_MS: Final = 250
MIN_WATCH_INTERVAL_MS: Final = 50


class GrpcQueryDoor:
    """Serves the calls that bring no rows; a task of another client is not there."""

    def __init__(self, queries: ExportQueries) -> None:
        self._queries = queries

    async def query_task_status(self, client: str, stream: CallStream) -> None:
        """Serve ``QueryTaskStatus``."""
        request: pb.TaskStatusRequest = await stream.recv_message()
        view = await self._queries.status(client, request.task_id)
        await stream.send_message(messages.status_message(view))

    async def list_tasks(self, client: str, stream: CallStream) -> None:
        """Serve ``ListTasks``."""
        request: pb.ListTasksRequest = await stream.recv_message()
        query = messages.query_from_request(request)
        views, next_page_token = await self._queries.list(client, query)
        tasks = [messages.status_message(view) for view in views]
        await stream.send_message(
            pb.ListTasksResponse(tasks=tasks, next_page_token=next_page_token)
        )

    async def watch_task(self, client: str, stream: CallStream) -> None:
        """Serve ``WatchTask``: the state now, then changes, until a final state."""
        request: pb.WatchTaskRequest = await stream.recv_message()
        interval_ms = request.min_interval_ms or DEFAULT_WATCH_INTERVAL_MS
        interval_seconds = max(MIN_WATCH_INTERVAL_MS, interval_ms) / 1000
        async for view in self._queries.watch(client, request.task_id, interval_seconds):
            await stream.send_message(messages.status_message(view))

    async def cancel_task(self, client: str, stream: CallStream) -> None:
        """Serve ``CancelTask``."""
        request: pb.CancelTaskRequest = await stream.recv_message()
        view = await self._queries.cancel(client, request.task_id, request.reason)
        await stream.send_message(messages.status_message(view))
