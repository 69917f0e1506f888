"""The task database goes away under load and comes back; the service stays, and so do the rows."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.data_directories import left_overs, stored_files
from tests.faults.encoded_rows import encoded_rows
from tests.faults.figures import Figures
from tests.faults.scale import scaled
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import assert_as_undisturbed
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ROWS: Final = 2_000
STREAMS: Final = 4
EXPORTS_A_STREAM: Final = scaled(short=6, full=60)
OUTAGES: Final = scaled(short=1, full=8)
AWAY_SECONDS: Final = 1.5
RETRY_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 90.0  # of a client for one export, the outage included
SETTINGS: Final = {
    "logging.level": "debug",
    "security.link_secret": "of the tests, the same after every start",
    # short, so that a task whose end could not be stored is soon tried again
    "lease.seconds": 6,
    "lease.heartbeat_seconds": 2,
    "retry.base_seconds": 1,
}


def test_postgresql_is_stopped_immediately_and_started_again_under_load(
    data_directory: Path, figures: Figures
) -> None:
    with PostgresqlServer.running() as server:

        def outage() -> None:
            server.stop_immediately()
            time.sleep(AWAY_SECONDS)
            server.start()

        settings = SETTINGS | {"task_store.url": server.create_database()}
        _export_through(outage, data_directory, settings, figures, "PostgreSQL stopped")


def test_postgresql_is_frozen_under_load(data_directory: Path, figures: Figures) -> None:
    with PostgresqlServer.running() as server:

        def outage() -> None:
            with server.frozen():
                time.sleep(2 * AWAY_SECONDS)

        settings = SETTINGS | {
            "task_store.url": server.create_database(),
            "task_store.call_timeout_seconds": 1,
        }
        _export_through(outage, data_directory, settings, figures, "PostgreSQL frozen")


def test_mariadb_is_killed_and_started_again_under_load(
    data_directory: Path, figures: Figures
) -> None:
    with MariadbServer.running() as server:

        def outage() -> None:
            server.kill()
            time.sleep(AWAY_SECONDS)
            server.start()

        settings = SETTINGS | {"task_store.url": server.create_database()}
        _export_through(outage, data_directory, settings, figures, "MariaDB killed")


def test_sqlite_is_locked_by_another_process_under_load(
    data_directory: Path, figures: Figures
) -> None:
    def outage() -> None:
        with _locked(data_directory / "rowferry.db"):
            time.sleep(AWAY_SECONDS)

    _export_through(outage, data_directory, SETTINGS, figures, "SQLite locked")


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Hold the write lock of a database."""
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE").close()
    try:
        yield
    finally:
        connection.execute("ROLLBACK").close()
        connection.close()


def _export_through(
    outage: Callable[[], None],
    data_directory: Path,
    settings: Mapping[str, object],
    figures: Figures,
    name: str,
) -> None:
    """Export all the time, through outages: every export comes out whole, and only once."""
    with (
        running_service(data_directory, settings) as service,
        GrpcioClient.connect(service.grpc) as client,
    ):
        with ThreadPoolExecutor(STREAMS) as threads:
            streams = [threads.submit(_stream, service, seed) for seed in range(STREAMS)]
            for _ in range(OUTAGES):
                time.sleep(random.uniform(0, 1))
                outage()
            transfers = [transfer for stream in streams for transfer in stream.result()]
        for transfer in transfers:
            assert_as_undisturbed(transfer, client, data_directory)
        assert left_overs(data_directory) == []
        assert len(stored_files(data_directory)) == len(transfers)
    figures.count(name, "outages", OUTAGES)
    figures.count(name, "exports", len(transfers))
    again = sum(transfer.connections - 1 for transfer in transfers)
    figures.count(name, "connections again", again)


def _stream(service: ServiceProcess, seed: int) -> list[Transfer]:
    """Make one export after the other, each one until it has a result."""
    chance = random.Random(seed)
    transfers = []
    for _ in range(EXPORTS_A_STREAM):
        transfer = Transfer(encoded_rows(ROWS), chance.choice([pb.CSV, pb.EXCEL]), chance)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while transfer.result is None:
            assert time.monotonic() < deadline, f"{transfer.task_id} never ends"
            transfer.push(service.grpc)
            time.sleep(RETRY_SECONDS)
        transfers.append(transfer)
    return transfers
