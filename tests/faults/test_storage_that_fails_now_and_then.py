"""Many exports into a storage of whose requests one in twenty fails: each gets its file, whole."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.doubles.oss.faults import Fault, FaultKind
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.running import OssDouble
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.buckets import (
    CLOCK_OFFSET_SECONDS,
    SWEPT_SECONDS,
    assert_tagged,
    bucket_settings,
    stored,
    wait_until_only,
)
from tests.faults.encoded_rows import encoded_rows
from tests.faults.figures import Figures
from tests.faults.scale import scaled
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import assert_state_as_undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EXPORTS: Final = scaled(short=50, full=500)
ROWS: Final = 2_000
CLIENTS: Final = 8
SHARE_OF_REQUESTS: Final = 0.05
NAME: Final = "exports into a storage that fails 5 % of requests"
_ANY: Final[list[dict[str, object]]] = [
    {"kind": FaultKind.ERROR, "status": 500, "code": "InternalError", "after_work": True},
    {"kind": FaultKind.ERROR, "status": 503, "code": "ServiceUnavailable"},
    {"kind": FaultKind.ERROR, "status": 429, "code": "QpsLimitExceeded"},
    {"kind": FaultKind.RESET_BEFORE},
    {"kind": FaultKind.RESET_IN_BODY, "after_bytes": 20_000},
    {"kind": FaultKind.LOST_ANSWER},
    {"kind": FaultKind.DELAY, "seconds": 0.3},
]
_OF_PARTS: Final[list[dict[str, object]]] = [
    {"kind": kind, "operation": Operation.PUT_PART}
    for kind in (FaultKind.LOSE_PART, FaultKind.WRONG_CRC, FaultKind.DAMAGED_ON_THE_WAY)
]


def _faults() -> Iterator[Fault]:
    kinds = [*_ANY, *_OF_PARTS]
    for seed, kind in enumerate(kinds):
        share = SHARE_OF_REQUESTS / len(kinds)
        yield Fault(count=0, probability=share, seed=seed, **kind)  # type: ignore[arg-type]


def test_exports_complete_though_one_request_in_twenty_fails(
    oss_double: OssDouble, tmp_path: Path, figures: Figures
) -> None:
    oss_double.move_clock(CLOCK_OFFSET_SECONDS)
    # one in twenty seven times in a row does not happen
    settings = bucket_settings(oss_double, max_retries=6)
    with running_service(tmp_path, settings) as service:
        oss_double.fail(*_faults())
        began = time.monotonic()
        transfers = _exported(service)
        figures.seconds(NAME, time.monotonic() - began)
        snapshot = oss_double.snapshot()
        figures.count(NAME, "requests", len(snapshot.requests))
        figures.count(NAME, "faults", sum(snapshot.faults_fired.values()))
        oss_double.heal()
        keys = _checked(service, oss_double, transfers, figures)
        figures.count(NAME, "uploads to be swept", len(oss_double.snapshot().uploads))
    time.sleep(SWEPT_SECONDS)
    with running_service(tmp_path, settings):
        wait_until_only(oss_double, keys)


def _exported(service: ServiceProcess) -> list[Transfer]:
    """Make exports side by side, of both formats."""
    formats = [pb.CSV, pb.EXCEL]
    rows, chance = encoded_rows(ROWS), random.Random(0)
    transfers = [Transfer(rows, formats[number % 2], chance) for number in range(EXPORTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        for _ in threads.map(lambda transfer: transfer.push(service.grpc), transfers):
            pass
    return transfers


def _checked(
    service: ServiceProcess, double: OssDouble, transfers: list[Transfer], figures: Figures
) -> set[str]:
    """Hold all files to undisturbed ones, and give their keys."""
    there = {key.split("/")[1]: found for key, found in stored(double.snapshot()).items()}
    with GrpcioClient.connect(service.grpc) as client:
        for transfer in transfers:
            *_, state = client.watch(transfer.task_id)
            assert_state_as_undisturbed(transfer, state, service.data_directory)
            assert_tagged(there[transfer.task_id], state)
            figures.count(NAME, "exports")
            figures.count(NAME, f"completed by attempt {state.attempt}")
    return {found.key for found in there.values()}
