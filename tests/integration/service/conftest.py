"""The whole service in the test's own process, on free ports, over a folder of its own."""

import resource
import shutil
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from rowferry.client.call import Call
from rowferry.client.channel import open_channel
from rowferry.client.service_calls import ServiceCalls, open_calls
from rowferry.config import Config
from rowferry.config_groups import Logging, Monitoring, Retention, Server
from rowferry.doors import Addresses
from rowferry.service import serve
from rowferry.spool.database_record import RECORD_NAME
from rowferry.taskstore.schema import upgrade
from rowferry.v1 import export_pb2 as pb

RunService = Callable[[Config], AbstractAsyncContextManager[Addresses]]
Configure = Callable[..., Config]


class RowCall:
    """One ``Export`` call, message by message."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def send(self, **payload: object) -> None:
        """Send a request: ``metadata=…``, ``finish=…`` or ``resume=…``."""
        await self.send_bytes(pb.ExportRequest(**payload).SerializeToString())  # type: ignore[arg-type]

    async def send_batch(self, batch: bytes) -> None:
        """Send a request around an encoded batch."""
        await self.send(batch=pb.RecordBatch.FromString(batch))

    async def send_bytes(self, message: bytes) -> None:
        """Send any bytes as one message."""
        await self._call.send(message)

    async def end(self) -> None:
        """Half-close."""
        await self._call.end()

    async def receive(self) -> pb.ExportResponse | None:
        """Give the next response, None behind the last; raise RowferryError for a refusal."""
        message = await self._call.receive()
        return None if message is None else pb.ExportResponse.FromString(message)

    async def created(self) -> pb.TaskCreated:
        """Give the first response."""
        response = await self.receive()
        assert response is not None
        assert response.HasField("task_created"), response
        return response.task_created

    async def ack(self, sequence: int) -> pb.BatchAck:
        """Give the ack of a batch."""
        while True:
            response = await self.receive()
            assert response is not None
            assert response.HasField("ack"), response
            if response.ack.batch_sequence >= sequence:
                return response.ack

    async def result(self) -> pb.ExportResult:
        """Read to the end and give the result."""
        result = None
        while (response := await self.receive()) is not None:
            if response.HasField("result"):
                result = response.result
        assert result is not None
        return result


OpenCall = Callable[[Addresses], AbstractAsyncContextManager[RowCall]]


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
def configure(data_directory: Path) -> Configure:
    """Make the settings, some changed: ``configure(spool={"max_lag_bytes": 1 << 20})``."""
    defaults = Config(
        server=Server(
            port=0,
            status_port=0,
            websocket_port=0,
            data_directory=str(data_directory),
            shutdown_grace_seconds=0,
        ),
        monitoring=Monitoring(metrics_port=0),
        logging=Logging(output=str(data_directory.parent / "log.jsonl")),
        retention=Retention(failed_spool_seconds=0),
    )

    def make(**groups: dict[str, object]) -> Config:
        changed = {
            name: msgspec.structs.replace(getattr(defaults, name), **settings)
            for name, settings in groups.items()
        }
        return msgspec.structs.replace(defaults, **changed)

    return make


@pytest.fixture
def config(configure: Configure) -> Config:
    return configure()


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
def connect_to() -> Callable[[Addresses], AbstractAsyncContextManager[ServiceCalls]]:
    return lambda addresses: open_calls(*_host_and_port(addresses))


@pytest.fixture
async def client(addresses: Addresses) -> AsyncIterator[ServiceCalls]:
    async with open_calls(*_host_and_port(addresses)) as client:
        yield client


@pytest.fixture
def open_call() -> OpenCall:
    """Open an ``Export`` call on a connection of its own; leaving the block breaks it off."""

    @asynccontextmanager
    async def opened(addresses: Addresses) -> AsyncIterator[RowCall]:
        async with (
            open_channel(*_host_and_port(addresses)) as channel,
            channel.call("/rowferry.v1.ExportService/Export") as call,
        ):
            yield RowCall(call)

    return opened


@pytest.fixture
async def call(open_call: OpenCall, addresses: Addresses) -> AsyncIterator[RowCall]:
    async with open_call(addresses) as call:
        yield call


@pytest.fixture
def make_metadata() -> Callable[..., pb.ExportMetadata]:
    """Describe a CSV file of two columns; what is named differs."""

    def make(request_id: str = "request", **fields: object) -> pb.ExportMetadata:
        columns = [
            pb.ColumnDefinition(name="id", data_type=pb.NUMBER),
            pb.ColumnDefinition(name="name"),
        ]
        defaults: dict[str, object] = {
            "request_id": request_id,
            "format": pb.CSV,
            "filename": "orders",
            "columns": columns,
        }
        return pb.ExportMetadata(**(defaults | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def download() -> Callable[[str], Awaitable[tuple[bytes, str]]]:
    """Fetch a link with a client nobody here wrote: the content and its disposition."""

    async def fetch(url: str) -> tuple[bytes, str]:
        def blocking() -> tuple[bytes, str]:
            with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  our own service
                return answer.read(), answer.headers["Content-Disposition"]

        return await trio.to_thread.run_sync(blocking, limiter=trio.CapacityLimiter(1))

    return fetch


@pytest.fixture
def remains(data_directory: Path) -> Callable[[], list[str]]:
    """Name the logs of rows and the temporary files that lie in the data directory."""

    def names() -> list[str]:
        folders = (data_directory / "spool", data_directory / "temporary")
        found = [path.name for folder in folders for path in folder.rglob("*")]
        return [name for name in found if name != RECORD_NAME]

    return names


def _host_and_port(addresses: Addresses) -> tuple[str, int]:
    host, _, port = addresses.grpc.rpartition(":")
    return host, int(port)


@pytest.fixture
def disk_of_64_kib() -> Callable[[], AbstractAsyncContextManager[None]]:
    """Let no file grow past 64 KiB for a while, which is the same to a writer as a full disk."""

    @asynccontextmanager
    async def limited() -> AsyncIterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
