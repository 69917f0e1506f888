"""Stores to keep the contract to, and tasks to put in them."""

import itertools
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Format
from rowferry.domain.task import Task
from rowferry.ports import TaskStore
from rowferry.taskstore.memory import MemoryTaskStore
from rowferry.taskstore.schema import upgrade
from rowferry.taskstore.sql import open_sql_task_store

OpenStore = Callable[..., AbstractAsyncContextManager[TaskStore]]

START = datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its schema and no task: copied, which is faster than migrating."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def new_database(migrated_database: Path, tmp_path: Path) -> Callable[[], str]:
    """Make a file with the schema and give its address."""
    numbers = itertools.count()

    def make() -> str:
        return f"sqlite:///{shutil.copy(migrated_database, tmp_path / f'{next(numbers)}.db')}"

    return make


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture(params=["memory", "sqlite"])
def open_store(request: pytest.FixtureRequest, new_database: Callable[[], str]) -> OpenStore:
    """Open a new store of every kind; its leases are long unless it is told otherwise."""

    @asynccontextmanager
    async def opened(lease_seconds: float = 60.0) -> AsyncIterator[TaskStore]:
        if request.param == "memory":
            yield MemoryTaskStore(lease_seconds)
        else:
            url = new_database()
            async with open_sql_task_store(url, lease_seconds=lease_seconds) as store:
                yield store

    return opened


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
