"""A storage that fails in every way: nothing incomplete is seen in it, and nothing stays in it."""

import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.doubles.oss.authentication import AccessKey
from tests.doubles.oss.faults import Fault, FaultKind
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.running import OssDouble
from tests.e2e.grpcio_client import GrpcioClient, OpenExport, finish
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.buckets import (
    bucket_settings,
    stored,
    wait_for_a_fault,
    wait_for_a_part,
    wait_until_only,
    watched,
)
from tests.faults.encoded_rows import encoded_rows, export_metadata
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import assert_state_as_undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ROWS: Final = 4_000
FORMATS: Final = itertools.cycle([pb.CSV, pb.EXCEL])


def _error(operation: Operation, status: int, code: str, **fields: object) -> Fault:
    return Fault(
        kind=FaultKind.ERROR,
        operation=operation,
        status=status,
        code=code,
        **fields,  # type: ignore[arg-type]
    )


def _on_part(kind: FaultKind, **fields: object) -> Fault:
    return Fault(kind=kind, operation=Operation.PUT_PART, skip=1, **fields)  # type: ignore[arg-type]


# The first attempt gets over these.
PASSING: Final = {
    "the start is refused for a moment": _error(Operation.INIT, 503, "ServiceUnavailable"),
    "a part is answered with 500": _error(
        Operation.PUT_PART, 500, "InternalError", skip=1, count=2
    ),
    "a part comes too often": _error(Operation.PUT_PART, 429, "QpsLimitExceeded", skip=1),
    "a part is stored, and answered with 500": _error(
        Operation.PUT_PART, 500, "InternalError", skip=1, after_work=True
    ),
    "the connection is reset before a part": _on_part(FaultKind.RESET_BEFORE, count=2),
    "the connection is reset within a part": _on_part(FaultKind.RESET_IN_BODY, after_bytes=30_000),
    "the connection is reset behind a part": _on_part(FaultKind.LOST_ANSWER),
    "parts are slow": _on_part(FaultKind.DELAY, seconds=0.5, count=3),
    "a part is lost": _on_part(FaultKind.LOSE_PART),
    "all parts are lost": Fault(kind=FaultKind.LOSE_PART, operation=Operation.PUT_PART, count=3),
    "the CRC of a part is wrong": _on_part(FaultKind.WRONG_CRC),
    "a part is damaged on its way": _on_part(FaultKind.DAMAGED_ON_THE_WAY),
    "completion is refused for a moment": _error(Operation.COMPLETE, 503, "ServiceUnavailable"),
    "the answer to completion is lost": Fault(
        kind=FaultKind.LOST_ANSWER, operation=Operation.COMPLETE
    ),
    "completion is done, and answered with 500": _error(
        Operation.COMPLETE, 500, "InternalError", after_work=True
    ),
    "the file is not to be looked up for a moment": _error(Operation.HEAD, 502, "BadGateway"),
    "the clocks differ for a moment": _error(Operation.PUT_PART, 403, "RequestTimeTooSkewed"),
    "the tags are refused for a moment": _error(Operation.PUT_TAGGING, 503, "ServiceUnavailable"),
    "the tags are refused": _error(Operation.PUT_TAGGING, 403, "AccessDenied", count=0),
}
# These end the attempt; the next one gets over them.
NEXT_ATTEMPT: Final = {
    "the upload is gone": _error(Operation.COMPLETE, 404, "NoSuchUpload"),
    "a part is damaged on the storage's disk": _on_part(FaultKind.DAMAGED_ON_DISK),
    "the bucket is closed to its owner for a while": _error(
        Operation.COMPLETE, 403, "AccessDenied", count=2
    ),
}
# These outlast all attempts.
FINAL: Final = {
    "nothing may be written": (
        _error(Operation.INIT, 403, "AccessDenied", count=0),
        "AccessDenied",
    ),
    "no part is ever taken": (
        _error(Operation.PUT_PART, 503, "ServiceUnavailable", count=0),
        "ServiceUnavailable",
    ),
    "nothing is ever completed": (
        _error(Operation.COMPLETE, 500, "InternalError", count=0),
        "InternalError",
    ),
}


def _ids(cases: Mapping[str, object]) -> list[str]:
    return [name.replace(" ", "-") for name in cases]


@pytest.fixture(scope="module")
def service(
    oss_server: OssDouble, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """One service for all storms that it survives; few attempts, each with its own few tries."""
    settings = bucket_settings(oss_server) | {"retry.max_attempts": 3}
    with running_service(tmp_path_factory.mktemp("service"), settings) as running:
        yield running


@pytest.fixture
def double(oss_double: OssDouble) -> Iterator[OssDouble]:
    """An empty bucket, which is there again afterwards whatever becomes of it."""
    yield oss_double
    oss_double.lose_bucket(gone=False)
    oss_double.clear()


@pytest.fixture
def transfer() -> Transfer:
    return Transfer(encoded_rows(ROWS), next(FORMATS), random.Random(0))


def _final_state(service: ServiceProcess, transfer: Transfer) -> pb.TaskStatus:
    """Push all rows, wait for the task's end."""
    transfer.push(service.grpc)
    with GrpcioClient.connect(service.grpc) as client:
        *_, last = client.watch(transfer.task_id)
    return last


def _half_stored(client: GrpcioClient, double: OssDouble) -> tuple[Transfer, OpenExport]:
    """Send all rows but not their end; give them when a part of the file is stored."""
    transfer = Transfer(encoded_rows(ROWS), pb.CSV, random.Random(0))
    opening = export_metadata(transfer.request_id, transfer.file_format)
    stream = OpenExport(client, opening, *transfer.rows.requests)
    transfer.task_id = stream.receive().task_created.task_id
    wait_for_a_part(double)
    return transfer, stream


def _assert_stored(
    service: ServiceProcess, transfer: Transfer, double: OssDouble, state: pb.TaskStatus
) -> None:
    """Hold the file to an undisturbed one's, and the bucket to that file."""
    double.heal()
    assert_state_as_undisturbed(transfer, state, service.data_directory)
    (key,) = {key for key in stored(double.snapshot()) if transfer.task_id in key}
    wait_until_only(double, {key})


@pytest.mark.parametrize("fault", PASSING.values(), ids=_ids(PASSING))
def test_first_attempt_succeeds_though(
    fault: Fault, service: ServiceProcess, double: OssDouble, transfer: Transfer
) -> None:
    double.fail(fault)
    with watched(double) as seen:
        state = _final_state(service, transfer)
    assert sum(double.snapshot().faults_fired.values()) > 0
    assert state.attempt == 1
    _assert_stored(service, transfer, double, state)
    assert all(len(contents) == 1 for contents in seen.values())


@pytest.mark.parametrize("fault", NEXT_ATTEMPT.values(), ids=_ids(NEXT_ATTEMPT))
def test_next_attempt_succeeds_when(
    fault: Fault, service: ServiceProcess, double: OssDouble, transfer: Transfer
) -> None:
    double.fail(fault)
    state = _final_state(service, transfer)
    assert state.attempt > 1
    _assert_stored(service, transfer, double, state)


@pytest.mark.parametrize(("fault", "storage_code"), FINAL.values(), ids=_ids(FINAL))
def test_export_fails_with_the_storage_s_reason_when(
    fault: Fault,
    storage_code: str,
    service: ServiceProcess,
    double: OssDouble,
    transfer: Transfer,
) -> None:
    double.fail(fault)
    state = _final_state(service, transfer)
    assert (state.status, state.error_code) == (pb.FAILED, "STORAGE_UNAVAILABLE")
    assert state.error_context["storage_code"] == storage_code
    double.heal()
    wait_until_only(double, set())


def test_bucket_that_is_gone_fails_the_export_and_has_nothing_when_it_is_back(
    service: ServiceProcess, double: OssDouble, transfer: Transfer
) -> None:
    double.lose_bucket()
    state = _final_state(service, transfer)
    assert (state.status, state.error_code) == (pb.FAILED, "STORAGE_UNAVAILABLE")
    assert state.error_context["storage_code"] == "NoSuchBucket"
    double.lose_bucket(gone=False)
    wait_until_only(double, set())


def test_clocks_that_differ_fail_the_export_and_alert_somebody(
    service: ServiceProcess, double: OssDouble, transfer: Transfer
) -> None:
    double.move_clock(3600)
    state = _final_state(service, transfer)
    assert (state.status, state.error_code) == (pb.FAILED, "STORAGE_UNAVAILABLE")
    assert state.error_context["storage_code"] == "RequestTimeTooSkewed"
    assert any(alert["kind"] == "clock_skewed" for alert in service.log.named("StorageAlert"))
    double.move_clock(0)
    wait_until_only(double, set())


@pytest.mark.parametrize(
    "operation",
    [Operation.INIT, Operation.PUT_PART, Operation.COMPLETE],
    ids=["the-start", "a-part", "completion"],
)
def test_export_that_is_cancelled_leaves_nothing_though_the_storage_is_at_work_on(
    operation: Operation, service: ServiceProcess, double: OssDouble, transfer: Transfer
) -> None:
    double.fail(Fault(kind=FaultKind.HOLD, operation=operation))
    with GrpcioClient.connect(service.grpc) as client, ThreadPoolExecutor(2) as threads:
        push = threads.submit(transfer.push, service.grpc)
        wait_for_a_fault(double)
        cancel = threads.submit(client.cancel, transfer.task_id)
        service.log.wait_for("TaskCancelled", transfer.task_id)
        double.heal()  # the work is done only now
        cancel.result()
        push.result()
        *_, last = client.watch(transfer.task_id)
    assert last.status == pb.CANCELLED
    wait_until_only(double, set())


def test_export_that_is_cancelled_waits_for_no_part_that_hangs(
    service: ServiceProcess, double: OssDouble, transfer: Transfer
) -> None:
    double.fail(Fault(kind=FaultKind.HANG, operation=Operation.PUT_PART, skip=1, count=0))
    with GrpcioClient.connect(service.grpc) as client, ThreadPoolExecutor(1) as thread:
        push = thread.submit(transfer.push, service.grpc)
        wait_for_a_fault(double)
        client.cancel(transfer.task_id)
        push.result()
        *_, last = client.watch(transfer.task_id)
    assert last.status == pb.CANCELLED
    double.heal()
    wait_until_only(double, set())


def test_endpoint_that_is_down_for_longer_than_an_attempt_is_waited_for(
    double: OssDouble, tmp_path: Path
) -> None:
    settings = bucket_settings(double) | {"retry.max_attempts": 50}
    with (
        running_service(tmp_path, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        transfer, stream = _half_stored(client, double)
        with double.down():
            stream.send(finish(ROWS))
            service.log.wait_for("TaskRetryScheduled", transfer.task_id)
        assert stream.remaining()[-1].result.status == pb.COMPLETED
        state = client.query(transfer.task_id)
        assert state.attempt > 1
        _assert_stored(service, transfer, double, state)


def test_storage_that_is_busy_for_longer_than_an_attempt_is_waited_for(
    double: OssDouble, transfer: Transfer, tmp_path: Path
) -> None:
    # an attempt takes 40 refusals at most (5 parts at once, 4 tries each while rows come, 4 after)
    # and 4 at least (one part, while the others wait): so these end 1 to 10 attempts
    busy = _error(Operation.PUT_PART, 503, "ServiceUnavailable", skip=1, count=40)
    settings = bucket_settings(double) | {"retry.max_attempts": 50}
    with running_service(tmp_path, settings) as service:
        double.fail(busy)
        state = _final_state(service, transfer)
        assert 1 < state.attempt <= 11
        _assert_stored(service, transfer, double, state)


def test_token_that_expires_within_an_upload_is_renewed(double: OssDouble, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    first, second = (_temporary_key(double, number) for number in (1, 2))
    keys.write_bytes(_key_document(first))
    settings = bucket_settings(
        double, access_key_id="", access_key_secret="", credentials_file=keys
    )
    with (
        running_service(tmp_path, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        transfer, stream = _half_stored(client, double)
        arriving = tmp_path / "keys.json.new"
        arriving.write_bytes(_key_document(second))
        arriving.rename(keys)  # who reads it meanwhile finds the whole of one of them
        double.order(replace(first, expires_at=time.time() - 1))
        stream.send(finish(ROWS))
        assert stream.remaining()[-1].result.status == pb.COMPLETED
        state = client.query(transfer.task_id)
        assert state.attempt == 1
        _assert_stored(service, transfer, double, state)


def _temporary_key(double: OssDouble, number: int) -> AccessKey:
    key = AccessKey(
        access_key_id=f"STS.{number}",
        secret=f"secret {number}",
        security_token=f"token {number}",
        expires_at=time.time() + 3600,
    )
    double.order(key)
    return key


def _key_document(key: AccessKey) -> bytes:
    """Write a temporary key as the file of ``oss.credentials_file``."""
    return json.dumps(
        {
            "access_key_id": key.access_key_id,
            "access_key_secret": key.secret,
            "security_token": key.security_token,
        }
    ).encode()
