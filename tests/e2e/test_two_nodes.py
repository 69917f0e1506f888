"""Two services on one PostgreSQL: pulled exports are anybody's, pushed ones their home node's."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import (
    GrpcioClient,
    OpenExport,
    batch,
    finish,
    metadata,
    refusal_of,
)
from tests.e2e.nodes import Cluster, address_of, content_of, create_pulled
from tests.e2e.numbered_rows import BATCH_ROWS, file_of
from tests.e2e.service_process import ServiceProcess
from tests.servers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

WAIT_SECONDS: Final = 60.0
# Nobody dies here: a machine that stands still for seconds must not look as if a node had.
LONG_LEASE: Final = {"lease.seconds": 60}
ONE_SLOT: Final = {**LONG_LEASE, "concurrency.max_concurrent_tasks": 1}
# As short as a busy machine allows: who takes over waits for its end.
SHORT_LEASE: Final = {"lease.seconds": 5}


@pytest.fixture
def cluster(tmp_path: Path, postgresql: PostgresqlServer) -> Cluster:
    return Cluster(folder=tmp_path, database_url=postgresql.create_database())


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Pulled exports get past their second batch once there is this file."""
    return tmp_path / "gate"


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _wait_for(
    client: GrpcioClient, task_id: str, holds: Callable[[pb.TaskStatus], bool]
) -> pb.TaskStatus:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds(status := client.query(task_id)):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def _completed(client: GrpcioClient, task_id: str) -> pb.TaskStatus:
    return _wait_for(client, task_id, lambda status: status.status == pb.COMPLETED)


def _has_started(service: ServiceProcess, task_id: str) -> bool:
    return any(event["task_id"] == task_id for event in service.log.named("TaskStarted"))


def _worker_first(
    one: ServiceProcess, two: ServiceProcess, task_id: str
) -> tuple[ServiceProcess, ServiceProcess]:
    """Give both nodes, the one that works on a task first."""
    _wait_until(lambda: _has_started(one, task_id) or _has_started(two, task_id))
    return (one, two) if _has_started(one, task_id) else (two, one)


def test_pulled_exports_are_shared_by_the_nodes(cluster: Cluster, gate: Path) -> None:
    with (
        cluster.node("one", ONE_SLOT) as one,
        cluster.node("two", ONE_SLOT) as two,
        GrpcioClient.connect(one.grpc) as client,
        GrpcioClient.connect(two.grpc) as other_client,
    ):
        firsts = range(0, 6000, 1000)
        tasks = {
            create_pulled(client, first=first, rows=500, gate=gate): first for first in firsts
        }
        one.log.wait_for("TaskStarted")
        two.log.wait_for("TaskStarted")
        gate.touch()
        for task_id, first in tasks.items():
            status = _completed(other_client, task_id)
            assert (status.attempt, content_of(status)) == (1, file_of(first, 500))
        started = [*one.log.named("TaskStarted"), *two.log.named("TaskStarted")]
        assert sorted(event["task_id"] for event in started) == sorted(tasks)
        assert len(cluster.stored_keys()) == len(tasks)


def test_pulled_export_of_a_killed_node_is_taken_over(cluster: Cluster, gate: Path) -> None:
    with cluster.node("one", SHORT_LEASE) as one, cluster.node("two", SHORT_LEASE) as two:
        with GrpcioClient.connect(one.grpc) as client:
            task_id = create_pulled(client, first=7, rows=3000, gate=gate)
        dying, other = _worker_first(one, two, task_id)
        dying.log.wait_for("RecordsWritten", task_id)
        dying.kill()
        gate.touch()
        with GrpcioClient.connect(other.grpc) as client:
            status = _completed(client, task_id)
            assert _has_started(other, task_id)
            assert status.attempt == 2
            assert content_of(status) == file_of(7, 3000)
        assert len(cluster.stored_keys()) == 1


def test_pushed_export_waits_for_its_home_node(cluster: Cluster) -> None:
    with cluster.node("two", SHORT_LEASE) as two, GrpcioClient.connect(two.grpc) as to_two:
        with cluster.node("one", SHORT_LEASE) as one, GrpcioClient.connect(one.grpc) as to_one:
            export = OpenExport(to_one, metadata(), batch(("a", "1"), sequence=1))
            task_id = export.receive().task_created.task_id
            assert export.receive().ack.batch_sequence == 1
            one.log.wait_for("RecordsWritten", task_id)
            one.kill()
        status = _wait_for(to_two, task_id, lambda status: status.status == pb.FAILED)
        assert (status.error_code, status.rows_received) == ("LEASE_EXPIRED", 1)
        with cluster.node("one", SHORT_LEASE) as one, GrpcioClient.connect(one.grpc) as to_one:
            responses = to_one.export(
                [_resume(task_id), batch(("b", "2"), sequence=2), finish(expected_rows=2)]
            )
            assert responses[0].task_created.next_sequence == 2
            assert responses[-1].result.status == pb.COMPLETED
            status = to_two.query(task_id)
            assert status.status == pb.COMPLETED
            assert content_of(status) == b"Name,Count\r\na,1\r\nb,2\r\n"
        assert two.log.named("TaskStarted") == []


def test_resume_at_the_wrong_node_is_told_the_home_nodes_address(cluster: Cluster) -> None:
    with (
        cluster.node("one", LONG_LEASE) as one,
        cluster.node("two", LONG_LEASE) as two,
        GrpcioClient.connect(one.grpc) as to_one,
        GrpcioClient.connect(two.grpc) as to_two,
    ):
        export = OpenExport(to_one, metadata())
        task_id = export.receive().task_created.task_id
        refusal = refusal_of(lambda: to_two.export([_resume(task_id)]))
        assert (refusal.status, refusal.code) == ("UNAVAILABLE", "WRONG_NODE")
        assert address_of("one") in refusal.context.values()
        export.send(batch(("a", "1"), sequence=1))
        export.half_close()
        assert export.remaining()[-1].result.status == pb.COMPLETED


def test_export_is_cancelled_through_any_node(cluster: Cluster, gate: Path) -> None:
    with (
        cluster.node("one", LONG_LEASE) as one,
        cluster.node("two", LONG_LEASE) as two,
        GrpcioClient.connect(one.grpc) as to_one,
        GrpcioClient.connect(two.grpc) as to_two,
    ):
        task_id = create_pulled(to_one, first=0, rows=100_000, gate=gate)
        _wait_for(to_one, task_id, lambda status: status.records_processed >= BATCH_ROWS)
        to_one.cancel(task_id, "by way of one")
        to_two.cancel(task_id, "by way of two")
        for client in (to_one, to_two):
            status = _wait_for(client, task_id, lambda status: status.status == pb.CANCELLED)
            assert status.cancel_reason == "by way of one"
        worker, _ = _worker_first(one, two, task_id)
        worker.log.wait_for("TempFileDeleted", task_id)
        assert cluster.stored_keys() == set()
        assert [*one.files_of(task_id), *two.files_of(task_id)] == []


def _resume(task_id: str) -> pb.ExportRequest:
    return pb.ExportRequest(resume=pb.Resume(task_id=task_id))
