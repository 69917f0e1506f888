"""``kill -9`` within an upload: the next start goes on with it, and what nobody knows is swept."""

import random
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.doubles.oss.running import OssDouble
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import ServiceFailedError, running_service
from tests.faults.buckets import (
    CLOCK_OFFSET_SECONDS,
    SWEPT_SECONDS,
    assert_tagged,
    bucket_settings,
    stored,
    wait_until_only,
    watched,
)
from tests.faults.dying import live_until
from tests.faults.encoded_rows import encoded_rows
from tests.faults.scale import FULL
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import assert_as_undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ROWS: Final = 4_000

POINTS: Final = {
    "the upload is started, nobody knows": "multipart.start 1 after",
    "parts are stored while rows come": "multipart.put_part 2 after",
    "the file is there, the task is not completed": "multipart.complete 1 after",
}
MORE_POINTS: Final = {
    "the upload is to be started": "multipart.start 1 before",
    "all parts are there, the file is not": "multipart.complete 1 before",
    "the task is completed, its client is not told": "store.COMPLETED 1 after",
    "a part is to be sent": "multipart.put_part 2 before",
    "the rows have ended, the upload has not": "store.UPLOADING 1 after",
    "the file is to be looked up": "storage.head 1 before",
    "the file has no tags": "storage.set_tags 1 before",
    "the file has its tags": "storage.set_tags 1 after",
    "the task is to be completed": "store.COMPLETED 1 before",
}
KILLS: Final = POINTS | (MORE_POINTS if FULL else {})
# Where the first life ended, and where in its recovery the second one ends.
RECOVERIES: Final = {
    "the parts are listed": ("multipart.complete 1 before", "multipart.parts 1 after"),
    "the upload is completed": ("multipart.put_part 3 after", "multipart.complete 1 after"),
    "the file was found": ("multipart.complete 1 after", "storage.head 1 after"),
}


def _ids(points: Mapping[str, object]) -> list[str]:
    return [name.replace(" ", "-") for name in points]


@pytest.fixture
def double(oss_double: OssDouble) -> OssDouble:
    """An empty bucket, in which what is started now is soon old enough to be swept."""
    oss_double.move_clock(CLOCK_OFFSET_SECONDS)
    return oss_double


@pytest.mark.parametrize("point", KILLS.values(), ids=_ids(KILLS))
def test_killed_when(point: str, double: OssDouble, data_directory: Path) -> None:
    transfer = Transfer(encoded_rows(ROWS), pb.CSV, random.Random(point))
    with watched(double) as seen:
        live_until(point, data_directory, transfer, bucket_settings(double))
        _assert_goes_on(double, data_directory, transfer)
    assert all(len(contents) == 1 for contents in seen.values())


@pytest.mark.skipif(not FULL, reason="the first kills stand for them in the short form")
@pytest.mark.parametrize("points", RECOVERIES.values(), ids=_ids(RECOVERIES))
def test_killed_again_in_recovery_when(
    points: tuple[str, str], double: OssDouble, data_directory: Path
) -> None:
    transfer = Transfer(encoded_rows(ROWS), pb.EXCEL, random.Random(points[0]))
    settings = bucket_settings(double)
    live_until(points[0], data_directory, transfer, settings)
    with suppress(ServiceFailedError):  # it may die before it is ready
        live_until(points[1], data_directory, transfer, settings)
    _assert_goes_on(double, data_directory, transfer)


def _assert_goes_on(double: OssDouble, data_directory: Path, transfer: Transfer) -> None:
    """Start the service as it is: the same file comes out, and nothing else is left."""
    settings = bucket_settings(double)
    with (
        running_service(data_directory, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        transfer.push(service.grpc)
        assert_as_undisturbed(transfer, client, data_directory)
        snapshot = double.snapshot()
        (found,) = stored(snapshot).values()
        assert_tagged(found, client.query(transfer.task_id))
        unknown = bool(snapshot.uploads)
    if unknown:
        time.sleep(SWEPT_SECONDS)
        with running_service(data_directory, settings):
            wait_until_only(double, {found.key})
    else:
        wait_until_only(double, {found.key})
