"""Stores to keep the contract to, and tasks to put in them."""

import itertools
import shutil
from collections.abc import AsyncIterator, Callable
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
async def store(
    request: pytest.FixtureRequest, new_database: Callable[[], str]
) -> AsyncIterator[TaskStore]:
    if request.param == "memory":
        yield MemoryTaskStore()
    else:
        async with open_sql_task_store(new_database()) as sql_store:
            yield sql_store


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
