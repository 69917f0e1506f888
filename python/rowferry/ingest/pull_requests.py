"""What the doors for pulled exports share: a message becomes a request, a refusal an event."""

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.view import TaskView
from rowferry.export.pull_intake import PullIntake
from rowferry.export.queries import ExportQueries
from rowferry.ports import Observer
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages


class PullRequests:
    """Takes requests for pulled exports in, whichever door they come by."""

    def __init__(self, intake: PullIntake, queries: ExportQueries, observer: Observer) -> None:
        self._intake = intake
        self._queries = queries
        self._observer = observer

    async def create(self, client: str, request: pb.CreateExportRequest) -> TaskView:
        """Create the export, or find the task of the same request."""
        try:
            spec = messages.spec_from_create(request)
            run_at = messages.moment_of(request, "run_at")
            task = await self._intake.create(client, spec, run_at)
        except RowferryError as error:
            self.report(client, request.metadata.request_id, error)
            raise
        return await self._queries.status(client, task.id)

    def report(self, client: str, request_id: str, error: RowferryError) -> None:
        """Tell observers of a refusal."""
        self._observer.observe(
            events.ValidationError(
                client=client,
                error_code=error.code,
                message=error.message,
                request_id=request_id,
            )
        )
