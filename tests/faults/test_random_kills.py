"""``kill -9`` at random moments: no acknowledged row is lost, none comes twice."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import CALL_SECONDS, GrpcioClient
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.data_directories import left_overs, stored_files
from tests.faults.encoded_rows import encoded_rows
from tests.faults.figures import Figures
from tests.faults.scale import scaled
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import assert_as_undisturbed, undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ROUNDS: Final = scaled(short=6, full=100)
ROWS: Final = scaled(short=20_000, full=200_000)
KILLS: Final = (1, 1, 2)
STREAMS: Final = (1, 1, 1, 4)
START: Final = "start to ready, 1,000 finished tasks"
# Fewer slots than streams: some wait in the queue, their rows in the log, when the kill comes.
SETTINGS: Final = {"concurrency.max_concurrent_tasks": 2, "logging.level": "debug"}


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_killed_at_random_nothing_acknowledged_is_lost_or_doubled(
    round_number: int, data_directory: Path, figures: Figures
) -> None:
    chance = random.Random(round_number)
    transfers = list(_transfers(chance))
    for _ in range(chance.choice(KILLS)):
        if all(transfer.result is not None for transfer in transfers):
            break
        with running_service(data_directory, SETTINGS) as service:
            figures.seconds(START, service.ready_seconds)
            _push_until_killed(service, transfers, chance, figures)
    with (
        running_service(data_directory, SETTINGS) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        figures.seconds(START, service.ready_seconds)
        with _pushing(service, transfers):
            pass
        for transfer in transfers:
            assert_as_undisturbed(transfer, client, data_directory)
            figures.count("random kills", "rows", transfer.rows.row_count)
            figures.count("random kills", "batches sent again", transfer.resent_batches)
        assert left_overs(data_directory) == []
        assert len(stored_files(data_directory)) == len(transfers)
    figures.count("random kills", "rounds")


def _transfers(chance: random.Random) -> Iterator[Transfer]:
    """Choose the streams of a round; several share its rows."""
    streams = chance.choice(STREAMS)
    for _ in range(streams):
        file_format = chance.choice([pb.CSV, pb.EXCEL])
        yield Transfer(encoded_rows(ROWS // streams), file_format, chance)


def _push_until_killed(
    service: ServiceProcess, transfers: list[Transfer], chance: random.Random, figures: Figures
) -> None:
    """Push what is unfinished; kill at any moment of the time, or of the rows, that it takes."""
    usual = max(undisturbed(t.rows.row_count, t.file_format).seconds for t in transfers)
    share = chance.random()
    with _pushing(service, transfers):
        if chance.random() < 0.5:
            time.sleep(share * usual)
        else:
            _wait_for_rows(transfers, share)
        service.kill()
    for transfer in transfers:
        figures.count("random kills", _moment(transfer))


def _wait_for_rows(transfers: list[Transfer], share: float) -> None:
    """Wait until so many of the rows are acknowledged."""
    wanted = share * sum(transfer.rows.row_count for transfer in transfers)
    deadline = time.monotonic() + CALL_SECONDS
    while sum(map(_kept_rows, transfers)) < wanted:
        assert time.monotonic() < deadline, "rows are not acknowledged"
        time.sleep(0.001)


def _kept_rows(transfer: Transfer) -> int:
    return transfer.rows.row_count if transfer.result is not None else transfer.acknowledged_rows


@contextmanager
def _pushing(service: ServiceProcess, transfers: list[Transfer]) -> Iterator[None]:
    """Push what is unfinished while the block runs, and then to its end; raise what it raised."""
    unfinished = [transfer for transfer in transfers if transfer.result is None]
    with ThreadPoolExecutor(len(transfers)) as threads:
        pushes = [threads.submit(transfer.push, service.grpc) for transfer in unfinished]
        yield
        for push in pushes:
            push.result()


def _moment(transfer: Transfer) -> str:
    if transfer.result is not None:
        return "kills after the result"
    if not transfer.acknowledged_rows:
        return "kills before the first acknowledgement"
    if transfer.acknowledged_rows < transfer.rows.row_count:
        return "kills between acknowledgements"
    return "kills behind the last acknowledgement"
