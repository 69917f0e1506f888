"""Folders that can't be written for a while: exports fail or wait, the service stays."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rowferry.spool.database_record import RECORD_NAME
from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient, batch, metadata, refusal_of
from tests.e2e.service_process import running_service
from tests.faults.data_directories import left_overs

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ROWS = [("x" * 100, "1")] * 100
UNUSED_SECONDS = 30.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@contextmanager
def _read_only(disk: Path) -> Iterator[None]:
    deadline = time.monotonic() + UNUSED_SECONDS
    while subprocess.run(["mount", "-o", "remount,ro", disk], check=False).returncode:
        assert time.monotonic() < deadline, "somebody writes to it all the time"
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


def test_spool_that_is_read_only_refuses_new_exports_until_it_is_not(
    disk: Path, data_directory: Path
) -> None:
    settings = {"spool.directory": disk, "storage.min_free_bytes": 0}
    with (
        running_service(data_directory, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        with _read_only(disk):
            refusal = refusal_of(lambda: client.upload([metadata(), batch(*ROWS)]))
            assert refusal.code == "WRITE_FAILED"
            assert str(disk) not in refusal.message
        assert client.upload([metadata(), batch(*ROWS)]).status == pb.COMPLETED
    assert not left_overs(data_directory)
    assert [path.name for path in disk.iterdir()] == [RECORD_NAME]


@pytest.mark.parametrize("folder", ["storage.temp_directory", "storage.local_directory"])
def test_folder_of_files_that_is_read_only_costs_an_attempt_and_no_rows(
    disk: Path, data_directory: Path, folder: str
) -> None:
    settings = {
        folder: disk,
        "storage.min_free_bytes": 0,
        "retry.base_seconds": 1,
        "retry.max_attempts": 50,
    }
    with (
        running_service(data_directory, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        with _read_only(disk):
            task_id = client.upload([metadata(wait_seconds=-1), batch(*ROWS)]).task_id
            failed = service.log.wait_for("TaskRetryScheduled", task_id)
            assert failed["error"]["code"] in {"WRITE_FAILED", "STORAGE_UNAVAILABLE"}
        last = list(client.watch(task_id))[-1]
        assert (last.status, last.records_processed) == (pb.COMPLETED, len(ROWS))
        assert last.attempt > 1
    assert not left_overs(data_directory)
