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

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

WAIT_SECONDS: Final = 60.0
ONE_SLOT: Final = {"concurrency.max_concurrent_tasks": 1}


@pytest.fixture
def cluster(tmp_path: Path, postgresql: PostgresqlServer) -> Cluster:
    return Cluster(folder=tmp_path, database_url=postgresql.create_database())


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


def test_pulled_exports_are_shared_by_the_nodes(cluster: Cluster) -> None:
    with (
        cluster.node("one", ONE_SLOT) as one,
        cluster.node("two", ONE_SLOT) as two,
        GrpcioClient.connect(one.grpc) as client,
        GrpcioClient.connect(two.grpc) as other_client,
    ):
        firsts = range(0, 6000, 1000)
        tasks = {
            create_pulled(client, first=first, rows=500, seconds_per_batch=0.1): first
            for first in firsts
        }
        for task_id, first in tasks.items():
            status = _completed(other_client, task_id)
            assert (status.attempt, content_of(status)) == (1, file_of(first, 500))
        started = [*one.log.named("TaskStarted"), *two.log.named("TaskStarted")]
        assert sorted(event["task_id"] for event in started) == sorted(tasks)
        assert one.log.named("TaskStarted")
        assert two.log.named("TaskStarted")
        assert len(cluster.stored_keys()) == len(tasks)


def test_pulled_export_of_a_killed_node_is_taken_over(cluster: Cluster) -> None:
    with cluster.node("one") as one, cluster.node("two") as two:
        with GrpcioClient.connect(one.grpc) as client:
            task_id = create_pulled(client, first=7, rows=3000, seconds_per_batch=0.1)
            _wait_for(client, task_id, lambda status: status.status == pb.PROCESSING)
        dying, other = (one, two) if _has_started(one, task_id) else (two, one)
        dying.log.wait_for("RecordsWritten", task_id)
        dying.kill()
        with GrpcioClient.connect(other.grpc) as client:
            status = _completed(client, task_id)
            assert _has_started(other, task_id)
            assert status.attempt == 2
            assert content_of(status) == file_of(7, 3000)
        assert len(cluster.stored_keys()) == 1


def test_pushed_export_waits_for_its_home_node(cluster: Cluster) -> None:
    with cluster.node("two") as two, GrpcioClient.connect(two.grpc) as to_two:
        with cluster.node("one") as one, GrpcioClient.connect(one.grpc) as to_one:
            export = OpenExport(to_one, metadata(), batch(("a", "1"), sequence=1))
            task_id = export.receive().task_created.task_id
            assert export.receive().ack.batch_sequence == 1
            one.log.wait_for("RecordsWritten", task_id)
            one.kill()
        _wait_for(to_two, task_id, lambda status: status.status == pb.FAILED)
        status = to_two.query(task_id)
        assert (status.error_code, status.rows_received) == ("LEASE_EXPIRED", 1)
        with cluster.node("one") as one, GrpcioClient.connect(one.grpc) as to_one:
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
        cluster.node("one") as one,
        cluster.node("two") as two,
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


def test_export_is_cancelled_through_any_node(cluster: Cluster) -> None:
    with (
        cluster.node("one") as one,
        cluster.node("two") as two,
        GrpcioClient.connect(one.grpc) as to_one,
        GrpcioClient.connect(two.grpc) as to_two,
    ):
        task_id = create_pulled(to_one, first=0, rows=100_000, seconds_per_batch=0.1)
        _wait_for(to_one, task_id, lambda status: status.records_processed >= BATCH_ROWS)
        to_one.cancel(task_id, "by way of one")
        to_two.cancel(task_id, "by way of two")
        for client in (to_one, to_two):
            status = _wait_for(client, task_id, lambda status: status.status == pb.CANCELLED)
            assert status.cancel_reason == "by way of one"
        assert cluster.stored_keys() == set()
        assert [*one.files_of(task_id), *two.files_of(task_id)] == []


def _resume(task_id: str) -> pb.ExportRequest:
    return pb.ExportRequest(resume=pb.Resume(task_id=task_id))
