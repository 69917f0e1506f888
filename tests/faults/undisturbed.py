"""What an export is when nothing goes wrong: the measure of all others."""

import functools
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rowferry.v1 import export_pb2 as pb
from tests.e2e.exported_files import assert_csv_holds, assert_xlsx_holds, download
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import running_service
from tests.faults.encoded_rows import encoded_rows
from tests.faults.transfers import Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A file that holds every row once, and how long it took from the first message."""

    sha256: str
    file_bytes: int
    seconds: float


@functools.cache
def undisturbed(row_count: int, file_format: pb.Format) -> Undisturbed:
    """Export the data set's first rows without any fault; the file's cells are checked."""
    warming_up, transfer = (
        Transfer(encoded_rows(row_count), file_format, random.Random(0)) for _ in range(2)
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(_folder(folder, "data")) as service,
    ):
        warming_up.push(service.grpc)
        began = time.monotonic()
        transfer.push(service.grpc)
        seconds = time.monotonic() - began
        result = transfer.result
        assert result is not None
        path = Path(folder) / "file"
        assert download(result.oss_url, path) == result.checksum_sha256
        (assert_csv_holds if file_format == pb.CSV else assert_xlsx_holds)(path, row_count)
    return Undisturbed(
        sha256=result.checksum_sha256, file_bytes=result.file_size_bytes, seconds=seconds
    )


def assert_as_undisturbed(transfer: Transfer, client: GrpcioClient, folder: Path) -> None:
    """Compare the result and the file behind the task's link with an undisturbed export's."""
    result = transfer.result
    assert result is not None, "the export has no result"
    assert (result.status, result.error_code) == (pb.COMPLETED, "")
    assert result.record_count == transfer.rows.row_count
    state = client.query(transfer.task_id)
    assert result.checksum_sha256 == state.checksum_sha256
    assert_state_as_undisturbed(transfer, state, folder)


def assert_state_as_undisturbed(transfer: Transfer, state: pb.TaskStatus, folder: Path) -> None:
    """Compare a task's state and the file behind its link with an undisturbed export's."""
    expected = undisturbed(transfer.rows.row_count, transfer.file_format)
    assert (state.status, state.error_code) == (pb.COMPLETED, "")
    assert (state.checksum_sha256, state.file_size_bytes) == (
        expected.sha256,
        expected.file_bytes,
    )
    assert download(state.oss_url, folder / "file") == expected.sha256
    assert (folder / "file").stat().st_size == expected.file_bytes


def _folder(parent: str, name: str) -> Path:
    path = Path(parent) / name
    path.mkdir()
    return path
