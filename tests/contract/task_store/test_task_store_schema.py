"""The schema of a database and the code's are the same, or somebody is told."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.taskstore import database
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.migrations.run import alembic_config
from rowferry.taskstore.schema import HEAD, REVISIONS, needs_upgrade, upgrade
from rowferry.taskstore.sql import open_sql_task_store
from rowferry.taskstore.tables import metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


def _execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def _schema(path: Path) -> dict[str, set[str]]:
    """Give the lines that define tables, of which new columns stand last, and indexes."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql > ''").fetchall()
    return {name: _definitions(sql) for name, sql in rows if name != "alembic_version"}


def _definitions(sql: str) -> set[str]:
    if not sql.startswith("CREATE TABLE"):
        return {sql}
    opening, _, rest = sql.partition("(")
    parts = re.split(r",\s+(?![^()]*\))", rest.strip().removesuffix(")"))
    return {opening.strip(), *(part.strip() for part in parts)}


def test_fresh_database_gets_the_schema(url: str) -> None:
    assert needs_upgrade(url)
    upgrade(url)
    assert not needs_upgrade(url)


def test_current_database_is_left_alone(url: str, path: Path) -> None:
    upgrade(url)
    before = path.read_bytes()
    upgrade(url)
    assert path.read_bytes() == before


def test_migrations_make_what_the_tables_say(url: str) -> None:
    upgrade(url)
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_migrations_make_the_same_statements_as_the_tables(path: Path, url: str) -> None:
    upgrade(url)
    made_at_once = path.with_name("at-once.db")
    engine = create_engine(f"sqlite:///{made_at_once}")
    metadata.create_all(engine)
    engine.dispose()
    assert _schema(path) == _schema(made_at_once)


def test_revisions_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    oldest_first = [script.revision for script in scripts.walk_revisions()][::-1]
    assert tuple(oldest_first) == REVISIONS
    assert scripts.get_heads() == [HEAD]


@pytest.mark.parametrize("use", [needs_upgrade, upgrade])
def test_newer_database_is_refused(path: Path, url: str, use: Callable[[str], object]) -> None:
    upgrade(url)
    _execute(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RowferryError, match="newer release") as caught:
        use(url)
    assert caught.value.code is ErrorCode.INTERNAL
    assert caught.value.context == {"expected": HEAD, "got": "9999"}


async def test_database_is_named_once_and_like_no_other(tmp_path: Path) -> None:
    names = []
    for file_name in ("a.db", "a.db", "b.db"):
        upgrade(f"sqlite:///{tmp_path / file_name}")
        async with open_sql_task_store(f"sqlite:///{tmp_path / file_name}") as store:
            names.append(await store.identity())
    assert names[0] == names[1] != names[2]


async def test_store_does_not_open_a_newer_database(path: Path, url: str) -> None:
    upgrade(url)
    _execute(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RowferryError, match="newer release"):
        async with open_sql_task_store(url):
            pytest.fail("opened")


async def test_store_does_not_open_a_database_without_the_schema(url: str) -> None:
    with pytest.raises(RowferryError, match="rowferry migrate"):
        async with open_sql_task_store(url):
            pytest.fail("opened")


def test_failed_upgrade_leaves_nothing(path: Path, url: str) -> None:
    _execute(path, "CREATE TABLE task_payload (in_the_way)")
    with pytest.raises(RowferryError) as caught:
        upgrade(url)
    assert caught.value.code is ErrorCode.INTERNAL
    assert list(_schema(path)) == ["task_payload"]


def test_four_processes_can_upgrade_at_once(url: str) -> None:
    program = "import sys; from rowferry.taskstore.schema import upgrade; upgrade(sys.argv[1])"
    command = [sys.executable, "-W", "error", "-c", program, url]
    processes = [subprocess.Popen(command) for _ in range(4)]  # noqa: S603  our own program
    assert [process.wait() for process in processes] == [0] * 4
    assert not needs_upgrade(url)


def test_new_file_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        for number in range(20):
            url = f"sqlite:///{tmp_path / str(number)}.db"
            assert list(threads.map(needs_upgrade, [url] * 4)) == [True] * 4


def test_file_that_stays_locked_is_worth_another_try(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RowferryError) as caught:
            needs_upgrade(url)
    assert caught.value.code is ErrorCode.DATABASE_UNAVAILABLE
    assert "locked" in str(caught.value.__cause__)


def test_current_database_is_served_without_alembic_and_without_the_orm(url: str) -> None:
    upgrade(url)
    program = """
import sys, trio
from rowferry.taskstore.schema import needs_upgrade, upgrade
from rowferry.taskstore.sql import open_sql_task_store

async def main():
    async with open_sql_task_store(sys.argv[1]) as store:
        await store.health()

assert not needs_upgrade(sys.argv[1])
upgrade(sys.argv[1])
trio.run(main)
unwanted = {"alembic", "mako", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql"}
print(unwanted & set(sys.modules))
"""
    command = [sys.executable, "-c", program, url]
    assert subprocess.check_output(command) == b"set()\n"  # noqa: S603  our own program


def test_memory_store_is_served_without_sqlalchemy() -> None:
    program = "import sys, rowferry.taskstore.memory; print('sqlalchemy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program]) == b"False\n"  # noqa: S603
