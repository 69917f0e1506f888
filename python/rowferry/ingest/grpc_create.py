"""The gRPC door of pulled exports: ``CreateExport``."""

from rowferry.domain.errors import invalid_metadata
from rowferry.ingest.pull_requests import PullRequests
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.grpc_stream import CallStream


class GrpcCreateDoor:
    """Serves the call that asks for rows of a data provider."""

    def __init__(self, requests: PullRequests) -> None:
        self._requests = requests

    async def create_export(self, client: str, stream: CallStream) -> None:
        """Serve ``CreateExport``: the task, before a row is read."""
        request = await stream.recv_message()
        if not isinstance(request, pb.CreateExportRequest):
            message = "The call ended without its request."
            raise invalid_metadata("", message, expected="CreateExportRequest")
        view = await self._requests.create(client, request)
        await stream.send_message(messages.status_message(view))
