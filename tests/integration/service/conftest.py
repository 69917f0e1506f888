"""The whole service in the test's own process, on free ports, over a folder of its own."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from rowferry.client.exports import Client, connect
from rowferry.config import Config, Logging, Monitoring, Server
from rowferry.doors import Addresses
from rowferry.service import serve
from rowferry.taskstore.schema import upgrade
from rowferry.v1 import export_pb2 as pb

RunService = Callable[[Config], AbstractAsyncContextManager[Addresses]]


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its schema: copied, which is faster than migrating in each test."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def data_directory(tmp_path: Path, migrated_database: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    shutil.copy(migrated_database, directory / "rowferry.db")
    return directory


@pytest.fixture
def config(data_directory: Path) -> Config:
    return Config(
        server=Server(
            port=0, status_port=0, data_directory=str(data_directory), shutdown_grace_seconds=0
        ),
        monitoring=Monitoring(metrics_port=0),
        logging=Logging(output=str(data_directory.parent / "log.jsonl"), level="debug"),
    )


@pytest.fixture
def run_service() -> RunService:
    """Serve for a block, then stop in order."""

    @asynccontextmanager
    async def run(config: Config) -> AsyncIterator[Addresses]:
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            addresses = await nursery.start(serve, config, stop)
            yield addresses
            stop.set()

    return run


@pytest.fixture
async def addresses(run_service: RunService, config: Config) -> AsyncIterator[Addresses]:
    async with run_service(config) as addresses:
        yield addresses


@pytest.fixture
async def client(addresses: Addresses) -> AsyncIterator[Client]:
    host, _, port = addresses.grpc.rpartition(":")
    async with connect(host, int(port)) as client:
        yield client


@pytest.fixture
def metadata() -> pb.ExportMetadata:
    """A request for a CSV file of two columns."""
    return pb.ExportMetadata(
        request_id="request 1",
        format=pb.CSV,
        filename="orders",
        columns=[
            pb.ColumnDefinition(name="id", data_type=pb.NUMBER),
            pb.ColumnDefinition(name="name"),
        ],
    )


def with_settings(config: Config, group: str, **settings: object) -> Config:
    """Give the configuration with some settings of one group changed."""
    changed = msgspec.structs.replace(getattr(config, group), **settings)
    return msgspec.structs.replace(config, **{group: changed})
