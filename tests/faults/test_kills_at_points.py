"""``kill -9`` between any two steps of an export: it goes on from its log as if nothing was."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import running_service
from tests.faults.data_directories import left_overs, stored_files
from tests.faults.dying import die_again, dying, live_until
from tests.faults.encoded_rows import encoded_rows
from tests.faults.figures import Figures
from tests.faults.scale import FULL
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import assert_as_undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ROWS: Final = 2_000
BATCH_ROWS: Final = 250

POINTS: Final = {
    "the task is made, its client is not told": "store.create 1 after",
    "batches are appended, not acknowledged": "log.append 1 after",
    "the end of rows is marked, not answered": "log.end 1 after",
    "the file is to be finalized": "writer.finish 1 before",
    "the key is recorded, the object is not there": "store.UPLOADING 1 after",
    "the object is there, the task is not completed": "store.COMPLETED 1 before",
    "the task is completed, its client is not told": "store.COMPLETED 1 after",
}
# Where the first life ended, and where in its recovery the second one ends.
RECOVERY_POINTS: Final = {
    "the stored file was found": ("store.COMPLETED 1 before", "storage.head 1 after"),
}
MORE_RECOVERY_POINTS: Final = {
    "the stored file is to be looked up": ("store.COMPLETED 1 before", "storage.head 1 before"),
    "the log is opened again": ("writer.finish 1 before", "spool.open 1 after"),
    "the task is in the queue again": ("writer.finish 1 before", "store.QUEUED 1 after"),
    "a stray log is to be removed": ("spool.create 1 after", "spool.delete 1 before"),
}
RECOVERIES: Final = RECOVERY_POINTS | (MORE_RECOVERY_POINTS if FULL else {})


def _ids(points: Mapping[str, object]) -> list[str]:
    return [name.replace(" ", "-") for name in points]


@pytest.mark.parametrize("point", POINTS.values(), ids=_ids(POINTS))
def test_killed_when(point: str, data_directory: Path) -> None:
    transfer = Transfer(encoded_rows(ROWS, BATCH_ROWS), pb.EXCEL, random.Random(point))
    live_until(point, data_directory, transfer)
    _assert_goes_on(data_directory, transfer)


def test_killed_right_behind_an_acknowledgement(data_directory: Path) -> None:
    transfer = Transfer(encoded_rows(ROWS, BATCH_ROWS), pb.CSV, random.Random(0))
    with running_service(data_directory) as service:
        transfer.push(service.grpc, on_ack=service.kill)
    assert transfer.acknowledged_rows > 0
    _assert_goes_on(data_directory, transfer)


@pytest.mark.parametrize("points", RECOVERIES.values(), ids=_ids(RECOVERIES))
def test_killed_again_in_recovery_when(points: tuple[str, str], data_directory: Path) -> None:
    transfer = Transfer(encoded_rows(ROWS, BATCH_ROWS), pb.CSV, random.Random(points[0]))
    live_until(points[0], data_directory, transfer)
    die_again(points[1], data_directory)
    _assert_goes_on(data_directory, transfer)


@pytest.mark.skipif(not FULL, reason="the named points stand for it in the short form")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file_format", [pb.CSV, pb.EXCEL], ids=["csv", "xlsx"])
def test_killed_before_and_after_every_call_of_an_adapter(
    file_format: pb.Format, new_data_directory: Callable[[], Path], figures: Figures
) -> None:
    counts = f"kills around every call of an adapter, {pb.Format.Name(file_format)}"
    for call in _calls_of_an_export(file_format, new_data_directory()):
        for moment in ("before", "after"):
            data_directory = new_data_directory()
            chance = random.Random(f"{call} {moment}")
            transfer = Transfer(encoded_rows(ROWS, BATCH_ROWS), file_format, chance)
            if live_until(f"{call} {moment}", data_directory, transfer, must_die=False):
                _assert_goes_on(data_directory, transfer)
                figures.count(counts, f"kills {moment} a call")
            else:
                figures.count(counts, f"calls that were not made {moment}")


def _calls_of_an_export(file_format: pb.Format, data_directory: Path) -> list[str]:
    transfer = Transfer(encoded_rows(ROWS, BATCH_ROWS), file_format, random.Random(0))
    with dying("", data_directory) as service:
        before = len(service.log.named("PortCalled"))
        transfer.push(service.grpc)
        service.log.wait_for("TempFileDeleted", transfer.task_id)
        return [event["call"] for event in service.log.named("PortCalled")[before:]]


def _assert_goes_on(data_directory: Path, transfer: Transfer) -> None:
    """Start the service as it is: the same file comes out, and nothing else is left."""
    with (
        running_service(data_directory) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        transfer.push(service.grpc)
        assert_as_undisturbed(transfer, client, data_directory)
        assert left_overs(data_directory) == []
        assert len(stored_files(data_directory)) == 1
