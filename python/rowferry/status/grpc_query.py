"""The gRPC calls about tasks: query, list, watch, cancel, retry, delete."""

from collections.abc import Sequence
from typing import Final, TypeVar

import trio
from google.protobuf.message import Message

from rowferry.domain.errors import invalid_metadata
from rowferry.domain.task import task_not_found
from rowferry.export.queries import ExportQueries
from rowferry.export.task_commands import TaskCommands
from rowferry.status.progress_hub import ROUND_SECONDS, STALLED_SECONDS, ProgressHub
from rowferry.status.progress_outlets import Check, FetchedOutlet
from rowferry.status.progress_update import TaskUpdate
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.grpc_stream import CallStream

DEFAULT_WATCH_INTERVAL_MS: Final = 250
# whoever asks for longer pauses is none of those who take nothing
MAX_WATCH_INTERVAL_MS: Final = int(STALLED_SECONDS * 1000 / 2)

_Request = TypeVar("_Request", bound=Message)


class GrpcQueryDoor:
    """Serves the calls that bring no rows; a task of another client is not there."""

    def __init__(
        self, queries: ExportQueries, commands: TaskCommands, progress: ProgressHub
    ) -> None:
        self._queries = queries
        self._commands = commands
        self._progress = progress

    async def query_task_status(self, client: str, stream: CallStream) -> None:
        """Serve ``QueryTaskStatus``."""
        request = await _request(stream, pb.TaskStatusRequest)
        view = await self._queries.status(client, request.task_id)
        await stream.send_message(messages.status_message(view))

    async def list_tasks(self, client: str, stream: CallStream) -> None:
        """Serve ``ListTasks``."""
        request = await _request(stream, pb.ListTasksRequest)
        query = messages.query_from_request(request)
        views, next_page_token = await self._queries.list(client, query)
        tasks = [messages.status_message(view) for view in views]
        await stream.send_message(
            pb.ListTasksResponse(tasks=tasks, next_page_token=next_page_token)
        )

    async def watch_task(self, client: str, stream: CallStream, check: Check) -> None:
        """Serve ``WatchTask``: the state now, then changes, until a final state.

        ``check`` raises what refuses the client if it would not be let in any more.
        """
        request = await _request(stream, pb.WatchTaskRequest)
        wanted_ms = request.min_interval_ms or DEFAULT_WATCH_INTERVAL_MS
        interval_ms = min(wanted_ms, MAX_WATCH_INTERVAL_MS)
        pause_seconds = max(0.0, interval_ms / 1000 - ROUND_SECONDS)
        await self._queries.status(client, request.task_id)  # raises NOT_FOUND
        outlet = FetchedOutlet(check)
        with self._progress.joined(client, outlet) as watcher, outlet.scope:
            updates = await self._progress.follow_tasks(watcher, [request.task_id])
            if not updates:  # forgotten meanwhile: nothing would ever be told of it
                raise task_not_found(request.task_id)
            news = list(updates.values())
            while not await _send_until_final(stream, news):
                await trio.sleep(pause_seconds)
                news = list((await outlet.fetch()).all)
        if outlet.reason is not None:
            raise outlet.reason

    async def cancel_task(self, client: str, stream: CallStream) -> None:
        """Serve ``CancelTask``."""
        request = await _request(stream, pb.CancelTaskRequest)
        view = await self._commands.cancel(client, request.task_id, request.reason)
        await stream.send_message(messages.status_message(view))

    async def retry_task(self, client: str, stream: CallStream) -> None:
        """Serve ``RetryTask``."""
        request = await _request(stream, pb.RetryTaskRequest)
        view = await self._commands.retry(client, request.task_id)
        await stream.send_message(messages.status_message(view))

    async def delete_export(self, client: str, stream: CallStream) -> None:
        """Serve ``DeleteExport``."""
        request = await _request(stream, pb.DeleteExportRequest)
        view = await self._commands.delete(client, request.task_id)
        await stream.send_message(messages.status_message(view))


async def _send_until_final(stream: CallStream, updates: Sequence[TaskUpdate]) -> bool:
    """Send states, and tell whether the last one is final."""
    for update in updates:
        await stream.send_message(messages.status_message(update.view))
    return any(update.task.is_final for update in updates)


async def _request(stream: CallStream, kind: type[_Request]) -> _Request:
    """Receive the one request of a call; raise INVALID_METADATA when none came."""
    request = await stream.recv_message()
    if not isinstance(request, kind):
        raise invalid_metadata("", "The call ended without its request.", expected=kind.__name__)
    return request
