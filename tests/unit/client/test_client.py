"""The client against the real gRPC server: calls, backpressure, refusals, shutdown."""

import socket
import ssl
from collections.abc import Iterator
from typing import Protocol

import pytest
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from rowferry.client import RowferryError, UnreachableError
from rowferry.client.service_calls import ServiceCalls, open_calls
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.grpc_server import GrpcServer
from tests.batch_export import export_batches
from tests.record_batches import encode_csv, row_batches

Address = tuple[str, int]


class CountingService(Protocol):
    """What these tests look at; conftest.py has the class."""

    rows: int
    payload_bytes: int
    calls_broken_off: int
    proceed: trio.Event


def named(filename: str) -> pb.ExportMetadata:
    return pb.ExportMetadata(filename=filename)


async def test_an_export_sends_every_row_and_gives_the_result(client: ServiceCalls) -> None:
    rows = [[str(number), None] for number in range(25_000)]
    created: list[str] = []
    acked: list[int] = []
    result = await export_batches(
        client,
        named("rows"),
        row_batches(rows, batch_rows=100),
        on_created=lambda message: created.append(message.task_id),
        on_ack=lambda message: acked.append(message.rows),
    )
    assert (result.status, result.record_count) == (pb.COMPLETED, 25_000)
    assert created == ["t"]
    assert acked == list(range(100, 25_001, 100))


async def test_batches_may_come_from_an_asynchronous_source(client: ServiceCalls) -> None:
    class Source:
        remaining = 3

        def __aiter__(self) -> "Source":
            return self

        async def __anext__(self) -> bytes:
            if not self.remaining:
                raise StopAsyncIteration
            self.remaining -= 1
            return next(iter(row_batches([["a"]])))

    assert (await export_batches(client, named("rows"), Source())).record_count == 3


async def test_a_message_larger_than_every_window_arrives_whole(
    client: ServiceCalls, service: CountingService
) -> None:
    await export_batches(client, named("rows"), [encode_csv(b"x" * 9_000_000, 1)] * 2)
    assert service.payload_bytes == 18_000_000


async def test_a_stalled_service_holds_the_source_back(
    client: ServiceCalls, service: CountingService, nursery: trio.Nursery
) -> None:
    batch = encode_csv(b"x" * 100_000, 0)
    taken = 0

    class Source:
        def __iter__(self) -> "Source":
            return self

        def __next__(self) -> bytes:
            nonlocal taken
            taken += 1
            if taken > 400:
                raise StopIteration
            return batch

    nursery.start_soon(export_batches, client, named("stalled"), Source())
    await wait_all_tasks_blocked(0.05)
    assert 0 < taken < 100
    service.proceed.set()


async def test_a_refusal_ends_an_endless_export_with_code_and_context(
    client: ServiceCalls,
) -> None:
    class Endless:
        def __iter__(self) -> "Endless":
            return self

        def __next__(self) -> bytes:
            return encode_csv(b"x" * 10_000, 0)

    with pytest.raises(RowferryError) as refusal:
        await export_batches(client, named("refused"), Endless())
    assert refusal.value.code == "INVALID_METADATA"
    assert refusal.value.message == "No 100% 漢."
    assert refusal.value.context == {"field": "filename"}
    result = await export_batches(client, named("early"), Endless())
    assert result.status == pb.FAILED


async def test_a_stream_without_result_is_an_error(client: ServiceCalls) -> None:
    with pytest.raises(RowferryError, match="without a result"):
        await export_batches(client, named("mute"), [])


async def test_a_failing_source_breaks_the_call_off_and_is_raised_as_itself(
    client: ServiceCalls, service: CountingService
) -> None:
    def failing() -> object:
        yield next(iter(row_batches([["a"]])))
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        await export_batches(client, named("rows"), failing())  # type: ignore[arg-type]
    assert (await client.status("t")).task_id == "t"
    await wait_all_tasks_blocked(0.05)
    assert service.calls_broken_off == 1


async def test_queries_answer_and_refuse(client: ServiceCalls) -> None:
    assert (await client.status("t")).status == pb.COMPLETED
    assert (await client.cancel("t", "enough")).cancel_reason == "enough"
    with pytest.raises(RowferryError) as refusal:
        await client.status("u")
    assert (refusal.value.code, refusal.value.context) == ("NOT_FOUND", {"task_id": "u"})


async def test_an_answer_larger_than_the_window_arrives_whole(client: ServiceCalls) -> None:
    tasks = (await client.list(pb.ListTasksRequest(page_size=400))).tasks
    assert [len(task.filename) for task in tasks] == [1000] * 400


async def test_a_watch_gives_every_state_until_the_last(client: ServiceCalls) -> None:
    async with client.watch("t") as states:
        percents = [state.progress_percent async for state in states]
    assert percents == list(range(101))


async def test_a_watch_can_be_left_early(client: ServiceCalls) -> None:
    async with client.watch("t") as states:
        assert (await anext(states)).task_id == "t"
    assert (await client.status("t")).task_id == "t"


async def test_calls_share_a_connection_even_when_streams_run_out(
    client: ServiceCalls, service: CountingService
) -> None:
    async with trio.open_nursery() as calls:
        for _ in range(300):
            calls.start_soon(export_batches, client, named("rows"), list(row_batches([["a"]])))
    assert service.rows == 300


async def test_nobody_listening_is_unreachable(unused_port: int) -> None:
    with pytest.raises(UnreachableError, match="can't be reached"):
        async with open_calls("127.0.0.1", unused_port):
            pass


@pytest.fixture
def unused_port() -> Iterator[int]:
    with socket.socket() as silent:  # ours, and nobody listens at it
        silent.bind(("127.0.0.1", 0))
        yield silent.getsockname()[1]


async def test_a_call_under_way_outlives_the_drain_and_a_new_one_is_refused(
    client: ServiceCalls, server: GrpcServer, service: CountingService
) -> None:
    results: list[pb.ExportResult] = []
    begun = trio.Event()

    async def export() -> None:
        batches = row_batches([["a"]] * 10, batch_rows=1)
        created = lambda _: begun.set()  # noqa: E731
        results.append(await export_batches(client, named("stalled"), batches, on_created=created))

    async with trio.open_nursery() as calls:
        calls.start_soon(export)
        await begun.wait()
        server.stop_accepting()
        await wait_all_tasks_blocked(0.05)
        with pytest.raises(UnreachableError, match="shutting down"):
            await client.status("t")
        service.proceed.set()
    assert results[0].record_count == 10


async def test_a_broken_connection_fails_the_calls_on_it(
    server: GrpcServer, nursery: trio.Nursery
) -> None:
    serving = trio.CancelScope()

    async def serve(task_status: trio.TaskStatus[Address]) -> None:
        with serving:
            await server.serve("127.0.0.1", 0, task_status=task_status)

    async with open_calls(*await nursery.start(serve)) as client:
        created = lambda _: serving.cancel()  # noqa: E731
        with pytest.raises(UnreachableError):
            await export_batches(client, named("stalled"), [], on_created=created)
        with pytest.raises(UnreachableError):
            await client.status("t")


class TestTls:
    @pytest.fixture
    def server(self, service: CountingService, authority: trustme.CA) -> GrpcServer:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["h2"])
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return GrpcServer([service], tls=lambda: context)  # type: ignore[list-item]

    async def test_a_trusted_service_is_used(
        self, address: Address, client_tls: ssl.SSLContext
    ) -> None:
        async with open_calls(*address, tls=client_tls) as client:
            assert (await client.status("t")).task_id == "t"

    async def test_an_unknown_authority_is_refused(self, address: Address) -> None:
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            async with open_calls(*address, tls=ssl.create_default_context()):
                pass

    async def test_a_clear_client_of_a_secured_service_is_told(self, address: Address) -> None:
        with pytest.raises(UnreachableError):
            async with open_calls(*address) as client:
                await client.status("t")
