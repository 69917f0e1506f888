"""Every call, as grpcio's C core makes it."""

import ssl
from pathlib import Path
from uuid import uuid4

import pytest
from grpclib.health.v1 import health_pb2
from grpclib.reflection.v1 import reflection_pb2

from rowferry.v1 import export_pb2 as pb
from tests.e2e.exported_files import download
from tests.e2e.grpcio_client import (
    CALL_SECONDS,
    SERVICE,
    GrpcioClient,
    OpenExport,
    batch,
    finish,
    metadata,
    refusal_of,
)
from tests.e2e.service_process import ServiceProcess
from tests.e2e.tls import TlsService

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

ROWS = (["王", "1"], ['said "hi", left', "2.50"])
CSV_LINES = b'Name,Count\r\n\xe7\x8e\x8b,1\r\n"said ""hi"", left",2.50\r\n'


def test_export_answers_created_acks_and_a_result_with_a_link(
    shared_client: GrpcioClient, tmp_path: Path
) -> None:
    requests = [metadata(), batch(*ROWS, sequence=1), batch(sequence=2), finish(2)]
    created, *acks, last = shared_client.export(requests)
    assert created.task_created.next_sequence == 1
    assert created.task_created.max_message_bytes == 16 * 2**20
    assert (acks[-1].ack.batch_sequence, acks[-1].ack.rows) == (2, 2)
    result = last.result
    assert (result.status, result.record_count, result.progress_percent) == (pb.COMPLETED, 2, 100)
    assert download(result.oss_url, tmp_path / "file") == result.checksum_sha256
    assert (tmp_path / "file").read_bytes() == CSV_LINES


def test_upload_answers_once_after_half_close(shared_client: GrpcioClient, tmp_path: Path) -> None:
    result = shared_client.upload([metadata(), batch(*ROWS), batch(*ROWS)])
    assert (result.status, result.record_count) == (pb.COMPLETED, 4)
    download(result.oss_url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes().count(b"\r\n") == 5


def test_state_of_a_finished_task_can_be_asked_for(shared_client: GrpcioClient) -> None:
    request = metadata(format=pb.EXCEL)
    result = shared_client.upload([request, batch(*ROWS)])
    state = shared_client.query(result.task_id)
    assert (state.status, state.records_processed) == (pb.COMPLETED, 2)
    assert state.request_id == request.metadata.request_id
    assert (state.oss_url, state.checksum_sha256) == (result.oss_url, result.checksum_sha256)
    assert state.link_expires == result.link_expires


def test_the_same_request_again_gives_the_same_task(shared_client: GrpcioClient) -> None:
    request = metadata()
    first = shared_client.upload([request, batch(*ROWS)])
    again = shared_client.upload([request, batch(*ROWS)])
    assert again == first


def test_lists_are_filtered_and_come_in_pages(shared_client: GrpcioClient) -> None:
    owner = uuid4().hex
    made = [shared_client.upload([metadata(owner=owner), batch(*ROWS)]).task_id for _ in range(3)]
    shared_client.upload([metadata(), batch(*ROWS)])
    first = shared_client.list_tasks(pb.ListTasksRequest(owner=owner, page_size=2))
    rest = shared_client.list_tasks(
        pb.ListTasksRequest(owner=owner, page_size=2, page_token=first.next_page_token)
    )
    assert len(first.tasks) == 2
    assert [task.task_id for task in (*first.tasks, *rest.tasks)] == made[::-1]
    assert rest.next_page_token == ""
    queued = pb.ListTasksRequest(owner=owner, states=[pb.QUEUED])
    assert not shared_client.list_tasks(queued).tasks


def test_watch_ends_on_the_final_state(shared_client: GrpcioClient) -> None:
    stream = OpenExport(shared_client, metadata(), batch(*ROWS))
    states = shared_client.watch(stream.receive().task_created.task_id)
    assert next(states).status in {pb.QUEUED, pb.PROCESSING}
    stream.half_close()
    seen = [state.status for state in states]
    assert seen[-1] == pb.COMPLETED
    assert pb.COMPLETED not in seen[:-1]


def test_cancel_ends_the_stream_and_leaves_no_file(
    shared_client: GrpcioClient, shared_service: ServiceProcess
) -> None:
    stream = OpenExport(shared_client, metadata(), batch(*ROWS))
    task_id = stream.receive().task_created.task_id
    shared_service.log.wait_for("FileCreated", task_id)
    state = shared_client.cancel(task_id, "not needed")
    assert (state.status, state.cancel_reason) == (pb.CANCELLED, "not needed")
    assert stream.remaining()[-1].result.status == pb.CANCELLED
    stream.half_close()
    shared_service.log.wait_for("TempFileDeleted", task_id)
    assert not shared_service.files_of(task_id)


def test_finished_task_can_not_be_cancelled(shared_client: GrpcioClient) -> None:
    result = shared_client.upload([metadata(), batch(*ROWS)])
    refusal = refusal_of(lambda: shared_client.cancel(result.task_id))
    assert (refusal.status, refusal.code) == ("FAILED_PRECONDITION", "INVALID_STATE")


def test_health_is_serving(shared_client: GrpcioClient) -> None:
    check = shared_client.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    for service in ("", SERVICE):
        answer = check(health_pb2.HealthCheckRequest(service=service), timeout=CALL_SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_names_and_describes_the_service(shared_client: GrpcioClient) -> None:
    reflect = shared_client.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    questions = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
    ]
    listed, described = reflect(iter(questions), timeout=CALL_SECONDS)
    names = {service.name for service in listed.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names
    assert b"WatchTask" in described.file_descriptor_response.file_descriptor_proto[0]


def test_unknown_method_is_unimplemented(shared_client: GrpcioClient) -> None:
    method = shared_client.channel.unary_unary(f"/{SERVICE}/NoSuchMethod")
    assert refusal_of(lambda: method(b"", timeout=CALL_SECONDS)).status == "UNIMPLEMENTED"


def test_calls_and_links_work_over_tls(tls_service: TlsService, tmp_path: Path) -> None:
    with GrpcioClient.connect(tls_service.service.grpc, ca=tls_service.ca) as client:
        result = client.upload([metadata(), batch(*ROWS)])
    assert result.oss_url.startswith("https://")
    trust = ssl.create_default_context(cadata=tls_service.ca.decode())
    download(result.oss_url, tmp_path / "file", tls=trust)
    assert (tmp_path / "file").read_bytes() == CSV_LINES
