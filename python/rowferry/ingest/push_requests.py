"""Requests for pushed exports that come without their rows."""

from rowferry.domain import events
from rowferry.domain.errors import RowferryError
from rowferry.domain.view import TaskView
from rowferry.export.intake import Intake
from rowferry.export.queries import ExportQueries
from rowferry.ports import Observer
from rowferry.v1 import export_pb2 as pb
from rowferry.wire import messages


class PushRequests:
    """Takes such requests in; the rows may come by any door."""

    def __init__(self, intake: Intake, queries: ExportQueries, observer: Observer) -> None:
        self._intake = intake
        self._queries = queries
        self._observer = observer

    async def create(self, client: str, metadata: pb.ExportMetadata) -> tuple[TaskView, bool]:
        """Create the export, or find the task of the same request; tell whether it is new."""
        try:
            admission = await self._intake.open(client, messages.spec_from_metadata(metadata))
        except RowferryError as error:
            self._observer.observe(
                events.ValidationError(
                    client=client,
                    error_code=error.code,
                    message=error.message,
                    request_id=metadata.request_id,
                )
            )
            raise
        view = await self._queries.status(client, admission.task.id)
        return view, admission.is_new
