"""Stores to keep the contract to, and tasks to put in them."""

import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Format
from rowferry.domain.task import Task
from rowferry.ports import TaskStore
from rowferry.taskstore.memory import MemoryTaskStore
from rowferry.taskstore.schema import upgrade
from rowferry.taskstore.sql import open_sql_task_store
from tests.servers.database_server import DatabaseServer
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer

OpenStore = Callable[..., AbstractAsyncContextManager[TaskStore]]

SERVERS = ("postgresql", "mariadb")
START = datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


class ServerDatabases:
    """A server's databases that have the schema and no task: emptied and used again."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        self._free: list[str] = []
        self._taken: list[str] = []

    def take(self) -> str:
        if not self._free:
            url = self.server.create_database()
            upgrade(url)
            self._free.append(url)
        self._taken.append(self._free.pop())
        return self._taken[-1]

    def clear(self) -> None:
        """Take back what a test had."""
        for url in self._taken:
            self.server.execute("DELETE FROM task", url=url)
            self.server.execute("DELETE FROM client_share", url=url)
            self.server.execute("DELETE FROM client_usage", url=url)
        self._free.extend(self._taken)
        self._taken.clear()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its schema and no task: copied, which is faster than migrating."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def new_file(migrated_file: Path, tmp_path: Path) -> Callable[[], str]:
    """Make an SQLite file with the schema and give its address."""
    numbers = itertools.count()
    return lambda: f"sqlite:///{shutil.copy(migrated_file, tmp_path / f'{next(numbers)}.db')}"


@pytest.fixture
def file_url(new_file: Callable[[], str]) -> str:
    return new_file()


@pytest.fixture(scope="session")
def postgresql_databases(postgresql: PostgresqlServer) -> ServerDatabases:
    return ServerDatabases(postgresql)


@pytest.fixture(scope="session")
def mariadb_databases(mariadb: MariadbServer) -> ServerDatabases:
    return ServerDatabases(mariadb)


@pytest.fixture(params=SERVERS)
def server_databases(request: pytest.FixtureRequest) -> Iterator[ServerDatabases]:
    yield from _databases(request, request.param)


@pytest.fixture(params=["sqlite", *SERVERS])
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Make a database of every kind with its schema and no task, and give its address."""
    if request.param == "sqlite":
        yield request.getfixturevalue("new_file")
    else:
        for databases in _databases(request, request.param):
            yield databases.take


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture(params=["memory", "sqlite", *SERVERS])
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Open a new store of every kind; its leases are long unless it is told otherwise."""

    @asynccontextmanager
    async def in_memory(lease_seconds: float = 60.0) -> AsyncIterator[TaskStore]:
        yield MemoryTaskStore(lease_seconds)

    def in_database(url: str) -> OpenStore:
        return partial(open_sql_task_store, url)

    if request.param == "memory":
        yield in_memory
    elif request.param == "sqlite":
        yield in_database(request.getfixturevalue("file_url"))
    else:
        for databases in _databases(request, request.param):
            yield in_database(databases.take())


def _databases(request: pytest.FixtureRequest, kind: str) -> Iterator[ServerDatabases]:
    databases: ServerDatabases = request.getfixturevalue(f"{kind}_databases")
    yield databases
    databases.clear()


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[TaskStore]:
    async with open_store() as opened:
        yield opened


@pytest.fixture
async def forgetful_store(open_store: OpenStore) -> AsyncIterator[TaskStore]:
    """A store whose leases are over the moment they are given."""
    async with open_store(lease_seconds=0) as opened:
        yield opened


@pytest.fixture
def new_task() -> Callable[..., Task]:
    """Make tasks one second apart; what is named differs from a fresh one's."""
    numbers = itertools.count(1)

    def make(**fields: object) -> Task:
        number = next(numbers)
        created_at = START + timedelta(seconds=number)
        defaults: dict[str, object] = {
            "id": make_task_id(int(created_at.timestamp() * 1000), number.to_bytes(10)),
            "client": "shop",
            "request_id": f"request {number}",
            "request_hash": f"{number:064x}",
            "format": Format.EXCEL,
            "filename": f"orders {number}",
            "created_at": created_at,
        }
        return Task(**(defaults | fields))  # type: ignore[arg-type]

    return make
