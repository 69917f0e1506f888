"""The gRPC door: ``Export`` and ``Upload`` streams become rows in a task's log."""

from rowferry.domain.view import TaskView
from rowferry.ingest.row_calls import RowCalls
from rowferry.ingest.standing_admission import Recognise
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages
from rowferry.wire.grpc_stream import CallStream


class GrpcExportDoor:
    """Serves the two calls that bring rows."""

    def __init__(self, calls: RowCalls) -> None:
        self._calls = calls

    async def export(self, client: str, stream: CallStream, recognise: Recognise) -> None:
        """Serve ``Export``: task_created, acks, result."""

        async def send_result(view: TaskView) -> None:
            result = messages.result_message(view)
            await stream.send_message(pb.ExportResponse(result=result))

        # first of all, or libcurl loses the status of a call that fails while it uploads
        await stream.send_initial_metadata()
        await self._calls.serve(client, stream, send_result, recognise=recognise, with_acks=True)

    async def upload(self, client: str, stream: CallStream, recognise: Recognise) -> None:
        """Serve ``Upload``: nothing but the result."""

        async def send_result(view: TaskView) -> None:
            await stream.send_message(messages.result_message(view))

        await stream.send_initial_metadata()
        await self._calls.serve(client, stream, send_result, recognise=recognise, with_acks=False)
