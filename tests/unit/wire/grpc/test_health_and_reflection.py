"""The services every gRPC server has: health and reflection."""

import pytest
import trio
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpclib.reflection.v1 import reflection_pb2 as v1
from grpclib.reflection.v1alpha import reflection_pb2 as v1alpha
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, TrailersReceived
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from rowferry.wire.grpc_health import OVERALL, HealthService, HealthState
from rowferry.wire.grpc_reflection import with_reflection
from rowferry.wire.grpc_server import GrpcServer, GrpcService
from rowferry.wire.grpc_stream import CallStream

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


class OneCall:
    """A client that makes one call and reads its messages."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self._stream = stream
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
        self._body = b""
        self.status: int | None = None

    async def start(self, path: str, message: bytes) -> None:
        self._h2.initiate_connection()
        headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test"}
        headers |= {"te": "trailers", "content-type": "application/grpc"}
        self._h2.send_headers(1, list(headers.items()))
        self._h2.send_data(1, b"\0" + len(message).to_bytes(4, "big") + message, end_stream=True)
        await self._stream.send_all(self._h2.data_to_send())

    async def next_message(self) -> bytes | None:
        while True:
            length = int.from_bytes(self._body[1:5], "big")
            if len(self._body) >= 5 + length:
                message, self._body = self._body[5 : 5 + length], self._body[5 + length :]
                return message
            if self.status is not None:
                return None
            self._take(await self._stream.receive_some())

    def _take(self, data: bytes | bytearray) -> None:
        for event in self._h2.receive_data(data):
            match event:
                case DataReceived():
                    self._body += event.data
                case ResponseReceived() | TrailersReceived():
                    fields = {str(name): str(value) for name, value in event.headers}
                    status = fields.get("grpc-status")
                    self.status = self.status if status is None else int(status)
                case _:
                    assert not isinstance(event, StreamEnded) or self.status is not None


async def call(
    nursery: trio.Nursery, services: list[GrpcService], path: str, message: bytes
) -> OneCall:
    client_end, server_end = memory_stream_pair()
    nursery.start_soon(GrpcServer(services).serve_stream, server_end)
    client = OneCall(client_end)
    await client.start(path, message)
    return client


def status_of(message: bytes | None) -> "HealthCheckResponse.ServingStatus.ValueType":
    assert message is not None
    return HealthCheckResponse.FromString(message).status


@pytest.mark.parametrize("serving", [False, True])
async def test_check_tells_the_state_of_a_service(nursery: trio.Nursery, *, serving: bool) -> None:
    state = HealthState(["a.B"])
    state.set_serving("a.B", serving=serving)
    request = HealthCheckRequest(service="a.B").SerializeToString()
    client = await call(nursery, [HealthService(state)], "/grpc.health.v1.Health/Check", request)
    assert status_of(await client.next_message()) == (SERVING if serving else NOT_SERVING)


async def test_check_of_an_unknown_service_is_not_found(nursery: trio.Nursery) -> None:
    request = HealthCheckRequest(service="who").SerializeToString()
    services: list[GrpcService] = [HealthService(HealthState())]
    client = await call(nursery, services, "/grpc.health.v1.Health/Check", request)
    assert await client.next_message() is None
    assert client.status == 5


async def test_watch_tells_the_state_and_each_change_once(nursery: trio.Nursery) -> None:
    state = HealthState(["a.B"])
    client = await call(nursery, [HealthService(state)], "/grpc.health.v1.Health/Watch", b"")
    assert status_of(await client.next_message()) == NOT_SERVING
    await wait_all_tasks_blocked()
    state.set_serving("a.B", serving=True)
    await wait_all_tasks_blocked()
    state.set_all(serving=True)
    assert status_of(await client.next_message()) == SERVING
    state.set_serving(OVERALL, serving=False)
    assert status_of(await client.next_message()) == NOT_SERVING


async def test_watch_of_an_unknown_service_says_so_and_waits(nursery: trio.Nursery) -> None:
    request = HealthCheckRequest(service="who").SerializeToString()
    services: list[GrpcService] = [HealthService(HealthState())]
    client = await call(nursery, services, "/grpc.health.v1.Health/Watch", request)
    assert status_of(await client.next_message()) == HealthCheckResponse.SERVICE_UNKNOWN
    await wait_all_tasks_blocked()
    assert client.status is None


def test_the_state_of_an_unknown_service_cannot_be_set() -> None:
    with pytest.raises(KeyError):
        HealthState().set_serving("who", serving=True)


async def test_reflection_lists_the_services(nursery: trio.Nursery) -> None:
    services = with_reflection([HealthService(HealthState())], admit=lambda _: None)
    request = v1.ServerReflectionRequest(list_services="").SerializeToString()
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    client = await call(nursery, services, path, request)
    answer = v1.ServerReflectionResponse.FromString(await client.next_message() or b"")
    listed = [service.name for service in answer.list_services_response.service]
    assert listed == ["grpc.health.v1.Health"]


async def test_reflection_v1alpha_finds_a_file_by_its_symbol(nursery: trio.Nursery) -> None:
    services = with_reflection([HealthService(HealthState())], admit=lambda _: None)
    symbol = "grpc.health.v1.Health"
    request = v1alpha.ServerReflectionRequest(file_containing_symbol=symbol).SerializeToString()
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    client = await call(nursery, services, path, request)
    answer = v1alpha.ServerReflectionResponse.FromString(await client.next_message() or b"")
    assert len(answer.file_descriptor_response.file_descriptor_proto) == 1


async def test_reflection_tells_nothing_to_whom_is_kept_out(nursery: trio.Nursery) -> None:
    def nobody(_: CallStream) -> None:
        raise GRPCError(Status.UNAUTHENTICATED, "Who are you?")

    services = with_reflection([HealthService(HealthState())], admit=nobody)
    request = v1.ServerReflectionRequest(list_services="").SerializeToString()
    for version in ("v1", "v1alpha"):
        path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        client = await call(nursery, services, path, request)
        assert await client.next_message() is None
        assert client.status == Status.UNAUTHENTICATED.value
