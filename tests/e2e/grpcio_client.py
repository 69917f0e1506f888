"""A client on grpcio, the C core: requests go out as messages or as any bytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final, TypeVar
from uuid import uuid4

import grpc  # type: ignore[import-untyped]
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from rowferry.v1 import export_pb2 as pb

SERVICE: Final = "rowferry.v1.ExportService"
CALL_SECONDS: Final = 30.0
_CHANNEL_OPTIONS: Final = [("grpc.max_send_message_length", -1)]

Request = Message | bytes
Answer = TypeVar("Answer", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that did not end with OK."""

    status: str
    code: str
    """The trailer ``rowferry-code``."""
    message: str
    reason: str
    """ErrorInfo's reason, from ``grpc-status-details-bin``."""
    context: dict[str, str]


class GrpcioClient:
    """Calls of ``rowferry.v1.ExportService``, health and reflection over one channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel

    @classmethod
    @contextmanager
    def connect(cls, address: str, *, ca: bytes | None = None) -> Iterator["GrpcioClient"]:
        """Open a channel; with ``ca`` (PEM) over TLS."""
        if ca is None:
            channel = grpc.insecure_channel(address, _CHANNEL_OPTIONS)
        else:
            credentials = grpc.ssl_channel_credentials(ca)
            channel = grpc.secure_channel(address, credentials, _CHANNEL_OPTIONS)
        with channel:
            yield cls(channel)

    def export(self, requests: Iterable[Request]) -> list[pb.ExportResponse]:
        """Send requests, half-close and give all responses; raise grpc.RpcError for a refusal."""
        return list(self.open_export(requests))

    def open_export(self, requests: Iterable[Request]) -> Any:  # noqa: ANN401  grpcio is untyped
        """Open ``Export``: an iterator of responses that is also the call."""
        method = self.channel.stream_stream(
            f"/{SERVICE}/Export", _encoded, pb.ExportResponse.FromString
        )
        return method(iter(requests), timeout=CALL_SECONDS)

    def upload(self, requests: Iterable[Request]) -> pb.ExportResult:
        """Send requests by ``Upload`` and give the result."""
        method = self.channel.stream_unary(
            f"/{SERVICE}/Upload", _encoded, pb.ExportResult.FromString
        )
        result: pb.ExportResult = method(iter(requests), timeout=CALL_SECONDS)
        return result

    def create(self, request: pb.CreateExportRequest) -> pb.TaskStatus:
        """Ask for a pulled export."""
        return self._unary("CreateExport", request, pb.TaskStatus)

    def query(self, task_id: str) -> pb.TaskStatus:
        """Ask for a task's state."""
        request = pb.TaskStatusRequest(task_id=task_id)
        return self._unary("QueryTaskStatus", request, pb.TaskStatus)

    def cancel(self, task_id: str, reason: str = "") -> pb.TaskStatus:
        """Cancel a task."""
        request = pb.CancelTaskRequest(task_id=task_id, reason=reason)
        return self._unary("CancelTask", request, pb.TaskStatus)

    def list_tasks(self, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
        """Ask for a page of tasks."""
        return self._unary("ListTasks", request, pb.ListTasksResponse)

    def watch(self, task_id: str) -> Iterator[pb.TaskStatus]:
        """Give a task's states until its last."""
        method = self.channel.unary_stream(
            f"/{SERVICE}/WatchTask", _encoded, pb.TaskStatus.FromString
        )
        states: Iterator[pb.TaskStatus] = method(
            pb.WatchTaskRequest(task_id=task_id), timeout=CALL_SECONDS
        )
        return states

    def _unary(self, name: str, request: Message, answer_type: type[Answer]) -> Answer:
        path = f"/{SERVICE}/{name}"
        method = self.channel.unary_unary(path, _encoded, answer_type.FromString)
        answer: Answer = method(request, timeout=CALL_SECONDS)
        return answer


class OpenExport:
    """An ``Export`` whose requests are sent one by one."""

    def __init__(self, client: GrpcioClient, *requests: Request) -> None:
        self._outgoing: SimpleQueue[Request | None] = SimpleQueue()
        for request in requests:
            self.send(request)
        self._responses = client.open_export(iter(self._outgoing.get, None))

    def send(self, request: Request) -> None:
        """Send a request."""
        self._outgoing.put(request)

    def half_close(self) -> None:
        """End the rows."""
        self._outgoing.put(None)

    def receive(self) -> pb.ExportResponse:
        """Wait for the next response."""
        response: pb.ExportResponse = next(self._responses)
        return response

    def remaining(self) -> list[pb.ExportResponse]:
        """Wait for the call's end and give the responses until then."""
        return list(self._responses)

    def break_off(self) -> None:
        """Cancel the call, as a client does whose user went away."""
        self._responses.cancel()
        self.half_close()


def _encoded(request: Request) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()


def metadata(**changes: Any) -> pb.ExportRequest:  # noqa: ANN401  fields of any type
    """Build the metadata of an export of two columns, some fields changed."""
    columns = [
        pb.ColumnDefinition(name="Name", data_type=pb.STRING),
        pb.ColumnDefinition(name="Count", data_type=pb.NUMBER),
    ]
    fields = {
        "request_id": uuid4().hex,
        "format": pb.CSV,
        "filename": "orders",
        "columns": columns,
        **changes,
    }
    return pb.ExportRequest(metadata=pb.ExportMetadata(**fields))


def batch(*rows: Sequence[str], sequence: int = 0) -> pb.ExportRequest:
    """Build a batch of rows without nulls."""
    records = [pb.Record(values=row) for row in rows]
    return pb.ExportRequest(batch=pb.RecordBatch(records=records, batch_sequence=sequence))


def finish(expected_rows: int = 0) -> pb.ExportRequest:
    """Build the end of rows."""
    return pb.ExportRequest(finish=pb.Finish(expected_rows=expected_rows))


def refusal_of(call: Callable[[], object]) -> Refusal:
    """Make a call that must be refused, and give what the client hears."""
    try:
        answer = call()
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        info = _error_info(trailers.get("grpc-status-details-bin", b""))
        return Refusal(
            status=error.code().name,
            code=str(trailers.get("rowferry-code", "")),
            message=error.details(),
            reason=info.reason,
            context=dict(info.metadata),
        )
    raise AssertionError(f"the call was answered: {answer}")


def _error_info(details: bytes) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    status = status_pb2.Status.FromString(details)
    if status.details:
        status.details[0].Unpack(info)
    return info
