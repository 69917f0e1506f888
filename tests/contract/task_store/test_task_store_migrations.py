"""Schemas of databases with a server, and of every database that is older than the code."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    JSON,
    VARBINARY,
    Column,
    Connection,
    Engine,
    MetaData,
    event,
    inspect,
    select,
)

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Format
from rowferry.domain.task import Source, TaskState
from rowferry.ports import Chore
from rowferry.taskstore import tables
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.migrating import migrating
from rowferry.taskstore.migrations import run
from rowferry.taskstore.schema import HEAD, REVISIONS, needs_upgrade, upgrade
from rowferry.taskstore.sql import open_sql_task_store
from tests.servers.database_server import DatabaseServer

ROW: dict[str, Any] = {
    "request_hash": "ab" * 32,
    "format": "CSV",
    "filename": "Übersicht",
    "filename_folded": "übersicht",
    "owner": "zoe",
    "stage": "",
    "version": 3,
    "priority": 100,
    "attempt": 1,
    "expected_rows": 0,
    "rows_received": 5,
    "rows_written": 5,
    "rows_ended": True,
    "error_code": "",
    "error_message": "",
    "error_context": {"row": "3"},
    "cancel_reason": "",
    "object_key": "exports/1",
    "file_bytes": 7,
    "sha256": "",
    "fidelity": [],
    "created_at": 1_735_787_045_678_901,
}


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    server: DatabaseServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def empty_url(server: DatabaseServer) -> str:
    return server.create_database()


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def any_empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'old.db'}"
    server: DatabaseServer = request.getfixturevalue(request.param)
    return server.create_database()


def test_migrations_make_what_the_tables_say(empty_url: str, engine: Engine) -> None:
    upgrade(empty_url)
    assert not needs_upgrade(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True},
        )
        differences = compare_metadata(context, tables.metadata)
    is_mysql = engine.dialect.name == "mysql"
    # MySQL has no partial indexes and others instead: the plans of queries are tested
    named = [d for d in differences if not (is_mysql and str(d[0]).endswith("_index"))]
    assert named == []


@pytest.mark.parametrize("revision", REVISIONS)
async def test_tasks_of_every_earlier_schema_are_kept(any_empty_url: str, revision: str) -> None:
    with migrating(any_empty_url) as connection:
        run.upgrade(connection, revision)
        for number, state in enumerate(TaskState):
            _insert(connection, number, state)
    assert needs_upgrade(any_empty_url) == (revision != HEAD)
    upgrade(any_empty_url)
    async with open_sql_task_store(any_empty_url) as store:
        for number, state in enumerate(TaskState):
            task = await store.find_request("shop", f"request {number}")
            assert task is not None
            assert (task.state, task.version, task.format) == (state, 3, Format.CSV)
            assert (task.filename, task.source, task.home_node) == ("Übersicht", Source.PUSH, "")
            assert task.error_context == {"row": "3"}
            assert task.created_at.microsecond == 678_901
            assert await store.document("shop", task.id) == {"number": number}
        open_ones = [task.state for task in await store.unfinished("any node")]
        assert sorted(open_ones) == ["PROCESSING", "QUEUED", "SCHEDULED", "UPLOADING"]
        now = datetime.now(UTC)
        lapsed = await store.awaiting(Chore.LAPSED, node="", before=now, limit=9)
        assert sorted(task.state for task in lapsed) == ["PROCESSING", "UPLOADING"]


def _insert(connection: Connection, number: int, state: TaskState) -> None:
    schema = MetaData()
    schema.reflect(connection, only=["task", "task_payload"])
    identity = {"id": f"{number:032x}", "client": "shop", "request_id": f"request {number}"}
    row = ROW | identity | {"state": state.value}
    task, payload = schema.tables["task"], schema.tables["task_payload"]
    document = {"task_id": row["id"], "document": {"number": number}}
    for table, values in ((task, row), (payload, document)):
        in_columns = {k: _for_column(table.c[k], v) for k, v in values.items()}
        connection.execute(table.insert(), in_columns)


def _for_column(column: Column[Any], value: object) -> object:
    """Write what MariaDB shows as bytes, or JSON as text."""
    if isinstance(column.type, VARBINARY) and isinstance(value, str):
        return value.encode()
    if isinstance(value, dict | list) and not isinstance(column.type, JSON):
        return json.dumps(value)
    return value


def test_four_processes_can_upgrade_at_once(empty_url: str) -> None:
    program = "import sys; from rowferry.taskstore.schema import upgrade; upgrade(sys.argv[1])"
    command = [sys.executable, "-c", program, empty_url]
    processes = [subprocess.Popen(command) for _ in range(4)]  # noqa: S603  our own program
    assert [process.wait() for process in processes] == [0] * 4
    assert not needs_upgrade(empty_url)
    engine = open_engine(empty_url)
    with engine.connect() as connection:
        assert len(connection.execute(select(tables.database_identity_table)).all()) == 1
    engine.dispose()


async def test_database_is_named_once_and_like_no_other(server: DatabaseServer) -> None:
    urls = [server.create_database() for _ in range(2)]
    names = []
    for url in urls:
        for _ in range(2):
            upgrade(url)
            async with open_sql_task_store(url) as store:
                names.append(await store.identity())
    assert names[0] == names[1] != names[2] == names[3]


class _KilledError(Exception):
    """Stands for the death of the process that migrates."""


def _stop_at(number: int) -> Callable[..., None]:
    """Give a listener that lets so many changes of the schema through."""
    seen = 0

    def listen(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        nonlocal seen
        seen += statement.lstrip().startswith(("CREATE", "ALTER", "DROP"))
        if seen > number:
            raise _KilledError

    return listen


def _is_killed_at(number: int, url: str) -> bool:
    listener = _stop_at(number)
    event.listen(Engine, "before_cursor_execute", listener)
    try:
        upgrade(url)
    except _KilledError:
        return True
    finally:
        event.remove(Engine, "before_cursor_execute", listener)
    return False


def test_upgrade_that_was_killed_anywhere_can_be_done_again(
    empty_url: str, engine: Engine
) -> None:
    is_mysql = engine.dialect.name == "mysql"
    for number in range(99):
        # in MySQL what is done stays, so each try gets further
        if not _is_killed_at(1 if is_mysql else number, empty_url):
            break
        assert is_mysql or inspect(engine).get_table_names() == []
    assert number > 15
    assert not needs_upgrade(empty_url)
    with engine.connect() as connection:
        names = {index["name"] for index in inspect(connection).get_indexes("task")}
    assert {"ix_task_client_id", "ix_task_timed", "ix_task_without_file"} <= names


def test_newer_database_is_refused(server: DatabaseServer, empty_url: str) -> None:
    upgrade(empty_url)
    server.execute("UPDATE alembic_version SET version_num = '9999'", url=empty_url)
    with pytest.raises(RowferryError, match="newer release") as caught:
        needs_upgrade(empty_url)
    assert caught.value.code is ErrorCode.INTERNAL


def test_store_on_a_server_is_served_without_alembic_and_without_the_orm(empty_url: str) -> None:
    upgrade(empty_url)
    program = """
import sys, trio
from rowferry.taskstore.schema import needs_upgrade
from rowferry.taskstore.sql import open_sql_task_store

async def main():
    async with open_sql_task_store(sys.argv[1]) as store:
        await store.health()

assert not needs_upgrade(sys.argv[1])
trio.run(main)
print({"alembic", "mako", "sqlalchemy.orm"} & set(sys.modules))
"""
    command = [sys.executable, "-c", program, empty_url]
    assert subprocess.check_output(command) == b"set()\n"  # noqa: S603  our own program
