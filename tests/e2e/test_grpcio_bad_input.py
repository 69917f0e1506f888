"""Bad input gets its stable code, has no effect, and the service goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import (
    GrpcioClient,
    OpenExport,
    Request,
    batch,
    finish,
    metadata,
    refusal_of,
)
from tests.e2e.service_process import running_service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

ROW = ("name", "1")
MAX_COLUMNS: Final = 16_384
COLUMN_OF_TYPE_99: Final = pb.ColumnDefinition.FromString(b"\x0a\x01n\x10\x63")
COLUMN: Final = pb.ColumnDefinition(name="Name")
TOO_LONG: Final = "x" * (17 * 2**20)


def assert_refused(
    client: GrpcioClient, requests: Sequence[Request], status: str, code: str
) -> dict[str, str]:
    """Send them; the refusal must name the code everywhere, and the next export must work."""
    refusal = refusal_of(lambda: client.export(requests))
    assert (refusal.status, refusal.code, refusal.reason) == (status, code, code), refusal
    assert refusal.message
    assert client.upload([metadata(), batch(ROW)]).status == pb.COMPLETED
    return refusal.context


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"columns": []}, "columns", id="no columns"),
        pytest.param({"columns": [COLUMN] * (MAX_COLUMNS + 1)}, "columns", id="16,385 columns"),
        pytest.param({"request_id": ""}, "request_id", id="no request id"),
        pytest.param({"filename": ""}, "filename", id="no file name"),
        pytest.param({"filename": "a/b"}, "filename", id="slash in the file name"),
        pytest.param({"filename": "a\\b"}, "filename", id="backslash in the file name"),
        pytest.param({"filename": "a\0b"}, "filename", id="NUL in the file name"),
        pytest.param({"filename": "a..b"}, "filename", id="dots in the file name"),
        pytest.param({"format": 0}, "format", id="no format"),
        pytest.param({"format": 99}, "format", id="unknown format"),
        pytest.param({"format": pb.PARQUET}, "format", id="format without a writer"),
        pytest.param(
            {"columns": [COLUMN_OF_TYPE_99]}, "columns[0].data_type", id="unknown data type"
        ),
        pytest.param(
            {"options": pb.FormatOptions(csv_delimiter=";;")},
            "options.csv_delimiter",
            id="two delimiters",
        ),
        pytest.param(
            {"options": pb.FormatOptions(csv_encoding="utf-99")},
            "options.csv_encoding",
            id="unknown encoding",
        ),
        pytest.param(
            {"options": pb.FormatOptions(preset="lotus")}, "options.preset", id="unknown preset"
        ),
        pytest.param({"tags": {"key": "värde"}}, "tags", id="tag outside its alphabet"),
    ],
)
def test_bad_metadata_is_refused_before_any_effect(
    changes: dict[str, object], field: str, shared_client: GrpcioClient
) -> None:
    request = metadata(**changes)
    context = assert_refused(shared_client, [request], "INVALID_ARGUMENT", "INVALID_METADATA")
    assert context["field"] == field
    listed = shared_client.list_tasks(pb.ListTasksRequest(page_size=500)).tasks
    assert request.metadata.request_id not in {task.request_id for task in listed}


@pytest.mark.parametrize(
    ("requests", "code"),
    [
        pytest.param([batch(ROW), metadata()], "INVALID_METADATA", id="batch before metadata"),
        pytest.param([finish()], "INVALID_METADATA", id="finish before metadata"),
        pytest.param([], "INVALID_METADATA", id="nothing at all"),
        pytest.param([metadata(), metadata()], "INVALID_METADATA", id="second metadata"),
        pytest.param([metadata(), batch(ROW, sequence=-1)], "INVALID_METADATA", id="negative"),
        pytest.param(
            [metadata(), batch(ROW, sequence=1), batch(ROW)], "INVALID_METADATA", id="mixed modes"
        ),
        pytest.param([b"\x0a\x7f\x01"], "INVALID_ROW", id="truncated metadata"),
        pytest.param([metadata(), b"\x12\x7f\x0a"], "INVALID_ROW", id="truncated batch"),
        pytest.param(
            # Record.values holds the byte FF, which no UTF-8 text does
            [metadata(), b"\x12\x08\x0a\x06\x0a\x01\xff\x0a\x011"],
            "INVALID_ROW",
            id="invalid UTF-8",
        ),
        pytest.param(
            [
                metadata(),
                batch(ROW).SerializeToString() + finish().SerializeToString(),
            ],
            "INVALID_ROW",
            id="two payloads",
        ),
        pytest.param(
            [metadata(), pb.ExportRequest(batch=pb.RecordBatch(json_rows=b'[["a",{}]]'))],
            "INVALID_ROW",
            id="object as a cell",
        ),
    ],
)
def test_bad_stream_is_refused(
    requests: list[Request], code: str, shared_client: GrpcioClient
) -> None:
    assert_refused(shared_client, requests, "INVALID_ARGUMENT", code)


def test_row_of_wrong_width_is_named(shared_client: GrpcioClient) -> None:
    requests = [metadata(), batch(ROW), batch(ROW, ("only one",))]
    context = assert_refused(shared_client, requests, "INVALID_ARGUMENT", "INVALID_ROW")
    assert (context["row"], context["expected"], context["got"]) == ("3", "2 values", "1 values")


def test_batch_that_is_refused_appends_no_row(shared_client: GrpcioClient) -> None:
    request = metadata()
    bad = batch(ROW, ("only one",), sequence=2)
    refusal = refusal_of(lambda: shared_client.export([request, batch(ROW, sequence=1), bad]))
    assert refusal.code == "INVALID_ROW"
    created, *_, last = shared_client.export([request, batch(ROW, sequence=2)])
    assert (created.task_created.next_sequence, created.task_created.rows_received) == (2, 1)
    assert (last.result.status, last.result.record_count) == (pb.COMPLETED, 2)


def test_gap_in_the_sequence_names_the_batch_that_is_missing(shared_client: GrpcioClient) -> None:
    requests = [metadata(), batch(ROW, sequence=1), batch(ROW, sequence=3)]
    context = assert_refused(shared_client, requests, "FAILED_PRECONDITION", "SEQUENCE_GAP")
    assert (context["expected"], context["got"]) == ("2", "3")


def test_finish_with_another_row_count_is_refused(shared_client: GrpcioClient) -> None:
    requests = [metadata(), batch(ROW), finish(2)]
    context = assert_refused(shared_client, requests, "FAILED_PRECONDITION", "ROW_COUNT_MISMATCH")
    assert (context["expected"], context["got"]) == ("2", "1")


def test_message_over_the_limit_is_refused(shared_client: GrpcioClient) -> None:
    requests = [metadata(), batch((TOO_LONG, "1"))]
    context = assert_refused(shared_client, requests, "RESOURCE_EXHAUSTED", "TOO_LARGE")
    assert context["max_message_bytes"] == str(16 * 2**20)


def test_another_request_under_the_same_id_is_a_conflict(shared_client: GrpcioClient) -> None:
    first = metadata()
    shared_client.upload([first, batch(ROW)])
    other = metadata(request_id=first.metadata.request_id, filename="another")
    assert_refused(shared_client, [other], "ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize("task_id", ["", "0" * 32, "../../etc/passwd"])
def test_unknown_task_is_not_found(task_id: str, shared_client: GrpcioClient) -> None:
    calls = [
        lambda: shared_client.query(task_id),
        lambda: shared_client.cancel(task_id),
        lambda: list(shared_client.watch(task_id)),
        lambda: shared_client.export([pb.ExportRequest(resume=pb.Resume(task_id=task_id))]),
    ]
    for refusal in map(refusal_of, calls):
        assert (refusal.status, refusal.code) == ("NOT_FOUND", "NOT_FOUND")


def test_cancelled_stream_can_be_taken_up_again(shared_client: GrpcioClient) -> None:
    stream = OpenExport(shared_client, metadata(), batch(ROW, sequence=1))
    task_id = stream.receive().task_created.task_id
    assert stream.receive().ack.rows == 1
    stream.break_off()
    resume = pb.ExportRequest(resume=pb.Resume(task_id=task_id))
    created, *_, last = shared_client.export([resume, batch(ROW, sequence=2), finish(2)])
    assert created.task_created.next_sequence == 2
    assert (last.result.status, last.result.record_count) == (pb.COMPLETED, 2)


@pytest.mark.slow
def test_stream_that_falls_silent_is_ended_and_then_given_up(tmp_path: Path) -> None:
    settings = {"server.idle_timeout_seconds": 3, "spool.resume_window_seconds": 1}
    with (
        running_service(tmp_path, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        stream = OpenExport(client, metadata(), batch(ROW))
        task_id = stream.receive().task_created.task_id
        refusal = refusal_of(stream.remaining)
        stream.half_close()
        assert (refusal.status, refusal.code) == ("ABORTED", "STREAM_IDLE")
        last = list(client.watch(task_id))[-1]
        assert (last.status, last.error_code) == (pb.FAILED, "STREAM_IDLE")
        service.log.wait_for("TempFileDeleted", task_id)
        assert {path.parent.name for path in service.files_of(task_id)} <= {"spool"}
