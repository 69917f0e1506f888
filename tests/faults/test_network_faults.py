"""The network between client and service fails; the rows do not."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient, OpenExport
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.cut_network import CutNetwork
from tests.faults.data_directories import left_overs
from tests.faults.encoded_rows import encoded_rows, export_metadata
from tests.faults.figures import Figures
from tests.faults.scale import scaled
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import assert_as_undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ROWS: Final = 20_000
TRANSFERS: Final = scaled(short=3, full=50)
SOME_BATCHES: Final = 3
SETTINGS: Final = {"server.shutdown_grace_seconds": 2, "logging.level": "debug"}
IDLE_SECONDS: Final = 2


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    (tmp_path / "data").mkdir()
    with running_service(tmp_path / "data", SETTINGS) as running:
        yield running


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[GrpcioClient]:
    with GrpcioClient.connect(service.grpc) as connected:
        yield connected


def test_connections_that_are_reset_anywhere_lose_and_double_nothing(
    service: ServiceProcess, client: GrpcioClient, tmp_path: Path, figures: Figures
) -> None:
    chance = random.Random(1)
    for _ in range(TRANSFERS):
        transfer = Transfer(encoded_rows(ROWS), chance.choice([pb.CSV, pb.EXCEL]), chance)
        with CutNetwork.before(service.grpc) as network:
            while transfer.result is None:
                network.reset_after(chance.randrange(1, 3 * transfer.rows.payload_bytes // 2))
                transfer.push(network.address)
        assert_as_undisturbed(transfer, client, tmp_path)
        figures.count("connections reset", "exports")
        figures.count("connections reset", "resets", transfer.connections - 1)
    assert left_overs(service.data_directory) == []


def test_half_open_connection_gives_way_to_a_newer_one(
    service: ServiceProcess, client: GrpcioClient, tmp_path: Path
) -> None:
    transfer = Transfer(encoded_rows(ROWS), pb.CSV, random.Random(2))
    with CutNetwork.before(service.grpc) as network:
        transfer.push(network.address, on_ack=network.lose_clients, batches=SOME_BATCHES)
        assert transfer.acknowledged_rows > 0
        transfer.push(service.grpc)  # while the service believes in the older one
        assert_as_undisturbed(transfer, client, tmp_path)


def test_service_stops_in_time_under_half_open_connections(service: ServiceProcess) -> None:
    transfer = Transfer(encoded_rows(ROWS), pb.CSV, random.Random(3))
    with CutNetwork.before(service.grpc) as network:
        transfer.push(network.address, on_ack=network.lose_clients, batches=SOME_BATCHES)
        assert service.stop() == 0


def test_silent_client_is_given_up_and_may_come_back(tmp_path: Path) -> None:
    transfer = Transfer(encoded_rows(ROWS), pb.CSV, random.Random(4))
    settings = SETTINGS | {"server.idle_timeout_seconds": IDLE_SECONDS}
    with (
        running_service(tmp_path, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        opening = export_metadata(transfer.request_id, pb.CSV)
        silent = OpenExport(client, opening, *transfer.rows.requests[:SOME_BATCHES])
        transfer.task_id = silent.receive().task_created.task_id
        refused = service.log.wait_for("StreamError", transfer.task_id)
        assert refused["error"]["code"] == "STREAM_IDLE"
        silent.half_close()
        transfer.push(service.grpc)
        assert_as_undisturbed(transfer, client, tmp_path)
