"""A service behind the real gRPC server: it counts rows and does what a file's name says."""
# ruff: noqa: N802  the contract names the methods

import ssl
from collections.abc import AsyncIterator

import pytest
import trio
import trustme
from grpclib.server import Stream

from rowferry.client.dialing import tls_context
from rowferry.client.service_calls import ServiceCalls, open_calls
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import task_not_found
from rowferry.v1 import export_pb2 as pb
from rowferry.v1.export_grpc import ExportServiceBase
from rowferry.wire.error_status import call_failure
from rowferry.wire.grpc_server import GrpcServer


class CountingService(ExportServiceBase):
    """Export counts rows; WatchTask counts to 100; every task but "t" is unknown."""

    def __init__(self) -> None:
        self.rows = 0
        self.payload_bytes = 0
        self.calls_broken_off = 0
        self.proceed = trio.Event()

    async def Export(self, stream: Stream[pb.ExportRequest, pb.ExportResponse]) -> None:
        request = await stream.recv_message()
        assert request is not None
        await stream.send_message(pb.ExportResponse(task_created=pb.TaskCreated(task_id="t")))
        if request.metadata.filename == "refused":
            context = {"field": "filename"}
            raise RowferryError(ErrorCode.INVALID_METADATA, "No 100% 漢.", context)
        if request.metadata.filename == "early":
            await stream.send_message(_result(pb.FAILED))
            return
        if request.metadata.filename == "stalled":
            await self.proceed.wait()
        try:
            await self._count(stream)
        except trio.Cancelled:
            self.calls_broken_off += 1
            raise
        if request.metadata.filename != "mute":
            await stream.send_message(pb.ExportResponse())
            await stream.send_message(_result(pb.COMPLETED, self.rows))

    async def _count(self, stream: Stream[pb.ExportRequest, pb.ExportResponse]) -> None:
        async for request in stream:
            self.rows += len(request.batch.records)
            self.payload_bytes += len(request.batch.csv_rows)
            sequence = request.batch.batch_sequence
            ack = pb.BatchAck(batch_sequence=sequence, rows=self.rows)
            await stream.send_message(pb.ExportResponse(ack=ack))

    async def Upload(self, stream: Stream[pb.ExportRequest, pb.ExportResult]) -> None:
        raise NotImplementedError

    async def CreateExport(self, stream: Stream[pb.CreateExportRequest, pb.TaskStatus]) -> None:
        raise NotImplementedError

    async def QueryTaskStatus(self, stream: Stream[pb.TaskStatusRequest, pb.TaskStatus]) -> None:
        request = await stream.recv_message()
        assert request is not None
        if request.task_id != "t":
            raise task_not_found(request.task_id)
        await stream.send_message(pb.TaskStatus(task_id="t", status=pb.COMPLETED))

    async def WatchTask(self, stream: Stream[pb.WatchTaskRequest, pb.TaskStatus]) -> None:
        await stream.recv_message()
        for percent in range(101):
            await stream.send_message(pb.TaskStatus(task_id="t", progress_percent=percent))

    async def ListTasks(self, stream: Stream[pb.ListTasksRequest, pb.ListTasksResponse]) -> None:
        request = await stream.recv_message()
        assert request is not None
        tasks = [pb.TaskStatus(filename="x" * 1000)] * request.page_size
        await stream.send_message(pb.ListTasksResponse(tasks=tasks))

    async def CancelTask(self, stream: Stream[pb.CancelTaskRequest, pb.TaskStatus]) -> None:
        request = await stream.recv_message()
        assert request is not None
        status = pb.TaskStatus(status=pb.CANCELLED, cancel_reason=request.reason)
        await stream.send_message(status)

    async def RetryTask(self, stream: Stream[pb.RetryTaskRequest, pb.TaskStatus]) -> None:
        raise NotImplementedError

    async def DeleteExport(self, stream: Stream[pb.DeleteExportRequest, pb.TaskStatus]) -> None:
        raise NotImplementedError


def _result(status: pb.TaskState, rows: int = 0) -> pb.ExportResponse:
    return pb.ExportResponse(result=pb.ExportResult(status=status, record_count=rows))


@pytest.fixture
def service() -> CountingService:
    return CountingService()


@pytest.fixture
def server(service: CountingService) -> GrpcServer:
    return GrpcServer([service], translate=call_failure)


@pytest.fixture
async def address(server: GrpcServer, nursery: trio.Nursery) -> tuple[str, int]:
    bound: tuple[str, int] = await nursery.start(server.serve, "127.0.0.1", 0)
    return bound


@pytest.fixture
async def client(address: tuple[str, int]) -> AsyncIterator[ServiceCalls]:
    async with open_calls(*address) as connected:
        yield connected


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = tls_context()
    authority.configure_trust(context)
    return context
