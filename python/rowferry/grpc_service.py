"""The contract's gRPC service, put together from its doors."""

from functools import partial
from typing import Any, Final

from rowferry.domain.access import Door
from rowferry.ingest.grpc_create import GrpcCreateDoor
from rowferry.ingest.grpc_export import GrpcExportDoor
from rowferry.ingest.standing_admission import Recognise
from rowferry.ports import Doorkeeper
from rowferry.status.grpc_query import GrpcQueryDoor
from rowferry.v1.export_grpc import ExportServiceBase
from rowferry.wire.grpc_admission import admit_call, credentials_of
from rowferry.wire.grpc_stream import CallStream

SERVICE_NAME: Final = "rowferry.v1.ExportService"


class ExportService(ExportServiceBase):
    """``rowferry.v1.ExportService``: each call goes to the door it belongs to."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        rows: GrpcExportDoor,
        creations: GrpcCreateDoor,
        queries: GrpcQueryDoor,
    ) -> None:
        self._doorkeeper = doorkeeper
        self._rows = rows
        self._creations = creations
        self._queries = queries

    def _client(self, stream: CallStream) -> str:
        """Name the client that a call comes from; raise what keeps it out."""
        return admit_call(self._doorkeeper, stream).client

    def _recognise(self, stream: CallStream) -> Recognise:
        """Give what asks again, of a call that goes on, who it comes from."""
        return partial(self._doorkeeper.recognise, Door.GRPC, credentials_of(stream))

    async def Export(self, stream: Any) -> None:  # noqa: ANN401  grpclib's name and signature
        """Take rows, answer with acks and the result."""
        await self._rows.export(self._client(stream), stream, self._recognise(stream))

    async def Upload(self, stream: Any) -> None:  # noqa: ANN401
        """Take rows, answer with the result."""
        await self._rows.upload(self._client(stream), stream, self._recognise(stream))

    async def QueryTaskStatus(self, stream: Any) -> None:  # noqa: ANN401
        """Answer with one task's state."""
        await self._queries.query_task_status(self._client(stream), stream)

    async def ListTasks(self, stream: Any) -> None:  # noqa: ANN401
        """Answer with a page of tasks."""
        await self._queries.list_tasks(self._client(stream), stream)

    async def WatchTask(self, stream: Any) -> None:  # noqa: ANN401
        """Answer with a task's state and its changes."""
        client = self._client(stream)
        await self._queries.watch_task(client, stream, self._recognise(stream))

    async def CancelTask(self, stream: Any) -> None:  # noqa: ANN401
        """End a task."""
        await self._queries.cancel_task(self._client(stream), stream)

    async def CreateExport(self, stream: Any) -> None:  # noqa: ANN401
        """Take in an export whose rows a data provider has."""
        await self._creations.create_export(self._client(stream), stream)

    async def RetryTask(self, stream: Any) -> None:  # noqa: ANN401
        """Try a failed task again."""
        await self._queries.retry_task(self._client(stream), stream)

    async def DeleteExport(self, stream: Any) -> None:  # noqa: ANN401
        """Remove an ended task's file and rows."""
        await self._queries.delete_export(self._client(stream), stream)
