"""Streams that are silent, unread or cut, and a service that is told to stop under one."""

import json
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest

from bench.dataset import COLUMNS
from rowferry.domain.spec import (
    DEFAULT_SHEET_NAME,
    Column,
    DataType,
    ExportSpec,
    Format,
    Sheet,
)
from rowferry.spool.disk import DiskSpool
from rowferry.v1 import export_pb2 as pb
from tests.e2e.conftest import Measured
from tests.e2e.exported_files import assert_csv_holds, download
from tests.e2e.go_client import GoClient
from tests.e2e.grpcio_client import GrpcioClient, finish
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]

MIB: Final = 2**20
READY_BYTES: Final = 75 * MIB
PEAK_BYTES: Final = 100 * MIB
UNREAD_BATCHES: Final = 200_000
SLOTS: Final = 10


def test_service_is_small_when_ready(tmp_path: Path, measured: Measured) -> None:
    with running_service(tmp_path, measured=True) as service:
        measured("RSS at ServiceReady", f"{service.ready_resident_bytes / MIB:.1f} MiB")
        assert service.ready_resident_bytes <= READY_BYTES


def test_client_may_read_nothing_until_all_batches_are_sent(
    go_client: GoClient, tmp_path: Path, measured: Measured
) -> None:
    with running_service(tmp_path, measured=True) as service:
        report = go_client.run(
            "stream",
            *("-address", service.grpc, "-format", "CSV", "-read-at-end"),
            *("-rows", UNREAD_BATCHES, "-batch-rows", 1),
        )
        peak_bytes = service.peak_resident_bytes
        result = report["exports"][0]
        assert (result["grpc_status"], result["state"]) == ("OK", "COMPLETED"), result
        assert result["record_count"] == UNREAD_BATCHES
        assert result["acked_sequence"] == UNREAD_BATCHES
        download(result["link"], tmp_path / "file.csv")
    assert_csv_holds(tmp_path / "file.csv", UNREAD_BATCHES)
    measured(
        f"{UNREAD_BATCHES:,} batches of one row, read at the end",
        f"{report['rows_per_second']:,.0f} batches/s, {result['acks']:,} acks, "
        f"peak RSS {peak_bytes / MIB:.0f} MiB",
    )
    assert peak_bytes < PEAK_BYTES


def test_silent_streams_do_not_delay_another(
    go_client: GoClient, tmp_path: Path, measured: Measured
) -> None:
    settings = {"concurrency.max_concurrent_tasks": SLOTS, "logging.level": "debug"}
    with running_service(tmp_path, settings) as service:
        address = ("-address", service.grpc)
        with go_client.running("silent", *address, "-streams", SLOTS) as silent:
            task_ids = silent.next_report()["task_ids"]
            for task_id in task_ids:
                service.log.wait_for("TaskParked", task_id)
            report = go_client.run("stream", *address, "-rows", 1000)
            with GrpcioClient.connect(service.grpc) as client:
                states = {client.query(task_id).status for task_id in task_ids}
    assert report["exports"][0]["state"] == "COMPLETED"
    assert states <= {pb.QUEUED, pb.PROCESSING}
    measured(f"an export beside {SLOTS} silent ones", f"{report['seconds']:.2f} s")


def test_client_that_vanishes_leaves_a_task_that_takes_more_rows(
    go_client: GoClient, service: ServiceProcess
) -> None:
    vanishing = ("-rows", 1_000_000, "-batch-rows", 100, "-vanish-after", 5_000)
    last = go_client.run("stream", "-address", service.grpc, *vanishing)
    with GrpcioClient.connect(service.grpc) as client:
        task = client.query(last["task_id"])
        assert task.status in {pb.QUEUED, pb.PROCESSING}
        assert task.rows_received >= last["acked_rows"]
        assert task.next_sequence > last["acked_sequence"]
    assert go_client.run("stream", "-address", service.grpc, "-rows", 10)["exports"][0]["state"]


def test_rows_acknowledged_before_sigterm_survive_it(go_client: GoClient, tmp_path: Path) -> None:
    settings = {"server.shutdown_grace_seconds": 1}
    endless = (
        "-format",
        "CSV",
        "-rows",
        10_000_000,
        "-batch-rows",
        100,
        "-pause",
        "1ms",
        "-progress",
    )
    with (
        running_service(tmp_path, settings) as service,
        go_client.running("stream", "-address", service.grpc, *endless) as client,
    ):
        while client.next_report()["acked_rows"] < 20_000:
            pass
        assert service.stop() == 0
        refused = _last_export(client.remaining_reports())
    assert (refused["grpc_status"], refused["rowferry_code"]) == ("Unavailable", "SHUTTING_DOWN")

    task_id = refused["task_id"]
    spooled_rows = _rows_in_spool(tmp_path, task_id)
    assert spooled_rows >= refused["acked_rows"] >= 20_000
    with running_service(tmp_path) as service:
        assert _http_task(service, task_id)["status"] == "QUEUED"
        with GrpcioClient.connect(service.grpc) as client:
            task = client.query(task_id)
            assert (task.rows_received, task.next_sequence) == (
                spooled_rows,
                spooled_rows // 100 + 1,
            )
            resume = pb.ExportRequest(resume=pb.Resume(task_id=task_id))
            result = client.export([resume, finish(spooled_rows)])[-1].result
            download(result.oss_url, tmp_path / "file.csv")
    assert_csv_holds(tmp_path / "file.csv", spooled_rows)


def _rows_in_spool(data_directory: Path, task_id: str) -> int:
    columns = tuple(Column(name=name, data_type=DataType(kind)) for name, kind in COLUMNS)
    sheet = Sheet(name=DEFAULT_SHEET_NAME, columns=columns)
    spec = ExportSpec(request_id="", format=Format.CSV, filename="", sheets=(sheet,))
    log = DiskSpool(data_directory / "spool").open(task_id, spec)
    assert log is not None
    rows = log.rows
    log.close()
    return rows


def _last_export(reports: list[dict[str, Any]]) -> dict[str, Any]:
    export: dict[str, Any] = reports[-1]["exports"][0]
    return export


def _http_task(service: ServiceProcess, task_id: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{service.http}/v1/exports/{task_id}") as answer:
        task: dict[str, Any] = json.load(answer)
    return task
