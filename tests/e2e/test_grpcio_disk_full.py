"""A disk that is full, on a small file system of the test's own."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from rowferry.free_space import disk_free_bytes
from rowferry.spool.database_record import RECORD_NAME
from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient, OpenExport, batch, metadata, refusal_of
from tests.e2e.service_process import running_service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

DISK_BYTES: Final = 4 * 2**20
LEFT_FREE: Final = [pytest.param(0, id="full"), pytest.param(2**20, id="room is left")]
ROW: Final = ("x" * 1000, "1")
ROWS: Final = [ROW] * 100
TOO_MANY_BATCHES: Final = 2 * DISK_BYTES // (len(ROWS) * len(ROW[0]))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    size = f"size={DISK_BYTES}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", disk],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("min_free_bytes", LEFT_FREE)
def test_full_spool_refuses_the_batch_and_keeps_what_is_acknowledged(
    small_disk: Path, tmp_path: Path, min_free_bytes: int
) -> None:
    settings = {"spool.directory": small_disk, "storage.min_free_bytes": min_free_bytes}
    with (
        running_service(_data_folder(tmp_path), settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        export = OpenExport(client, metadata(), batch(*ROWS, sequence=1))
        task_id = export.receive().task_created.task_id
        acks = [export.receive().ack]  # the refusal waits for no others
        for number in range(2, 2 + TOO_MANY_BATCHES):
            export.send(batch(*ROWS, sequence=number))
        refusal = refusal_of(lambda: acks.extend(iter(lambda: export.receive().ack, None)))
        export.half_close()
        assert (refusal.status, refusal.code) == ("RESOURCE_EXHAUSTED", "DISK_FULL")
        assert disk_free_bytes(small_disk) >= min_free_bytes
        acknowledged = acks[-1]
        task = client.query(task_id)
        assert task.rows_received >= acknowledged.rows > 0
        assert task.next_sequence > acknowledged.batch_sequence

        client.cancel(task_id)
        service.log.wait_for("TempFileDeleted", task_id)
        assert [path.name for path in small_disk.iterdir()] == [RECORD_NAME]
        assert client.upload([metadata(), batch(*ROWS)]).status == pb.COMPLETED


@pytest.mark.parametrize("min_free_bytes", LEFT_FREE)
def test_full_disk_of_files_fails_the_export_and_leaves_nothing_of_it(
    small_disk: Path, tmp_path: Path, min_free_bytes: int
) -> None:
    settings = {
        "storage.temp_directory": small_disk,
        "storage.min_free_bytes": min_free_bytes,
        "retry.max_attempts": 1,
    }
    too_much = [batch(*ROWS) for _ in range(TOO_MANY_BATCHES)]
    with (
        running_service(_data_folder(tmp_path), settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        result = client.upload([metadata(), *too_much])
        assert (result.status, result.error_code) == (pb.FAILED, "DISK_FULL")
        service.log.wait_for("TempFileDeleted", result.task_id)
        assert not list(small_disk.iterdir())
        assert client.upload([metadata(), batch(*ROWS)]).status == pb.COMPLETED


def _data_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder
