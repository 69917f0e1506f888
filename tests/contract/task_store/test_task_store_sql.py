"""What only a database has to keep: its file, its indexes, its failures."""

import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from sqlalchemy import create_engine

from rowferry.config_sources import ConfigError
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import Stage, Task, TaskState
from rowferry.ports import TaskQuery
from rowferry.taskstore import chores, statements
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.failures import database_errors
from rowferry.taskstore.sql import open_sql_task_store

NewTask = Callable[..., Task]

WRITES_UNTIL_KILLED = """
import os, sys, time
from datetime import datetime, UTC
import trio
import trio.testing
from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Format
from rowferry.domain.task import Task
from rowferry.taskstore.sql import open_sql_task_store

async def main():
    async with open_sql_task_store(sys.argv[1]) as store:
        while True:
            now = datetime.now(UTC)
            task_id = make_task_id(int(now.timestamp() * 1000), os.urandom(10))
            task = Task(
                id=task_id, client="shop", request_id=task_id, request_hash="", created_at=now,
                format=Format.CSV, filename="orders",
            )
            await store.create(task, {"id": task_id})
            print(task_id, flush=True)

trio.run(main)
"""


def _path(url: str) -> str:
    return url.removeprefix("sqlite:///")


async def test_tasks_survive_a_new_start(file_url: str, new_task: NewTask) -> None:
    task = new_task()
    async with open_sql_task_store(file_url) as store:
        await store.create(task, {"a": ["ü", None, 1.5]})
        task = await store.update(
            replace(task, state=TaskState.PROCESSING, stage=Stage.WRITING),
            expected=TaskState.QUEUED,
        )
    async with open_sql_task_store(file_url) as store:
        assert await store.get("shop", task.id) == task
        assert await store.document("shop", task.id) == {"a": ["ü", None, 1.5]}


async def test_what_was_acknowledged_survives_a_kill(file_url: str) -> None:
    command = [sys.executable, "-c", WRITES_UNTIL_KILLED, file_url]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(trio.run_process, command, stdout=-1, check=False)
        )
        assert process.stdout is not None
        output = b""
        while output.count(b"\n") < 20:
            output += await process.stdout.receive_some(65_536)
        process.kill()
    acknowledged = output.decode().rpartition("\n")[0].split()
    async with open_sql_task_store(file_url) as store:
        for task_id in acknowledged:
            assert await store.get("shop", task_id) is not None
        for task in await store.unfinished(""):
            assert await store.document("shop", task.id) == {"id": task.id}
    with closing(sqlite3.connect(_path(file_url))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_two_processes_can_share_the_file(file_url: str, new_task: NewTask) -> None:
    task = new_task()
    async with (
        open_sql_task_store(file_url) as ours,
        open_sql_task_store(file_url) as theirs,
    ):
        await ours.create(task, {})
        assert await theirs.create(new_task(request_id=task.request_id), {}) is None
        await theirs.update(replace(task, state=TaskState.CANCELLED), expected=TaskState.QUEUED)
        with pytest.raises(RowferryError) as caught:
            await ours.update(replace(task, state=TaskState.PROCESSING), expected=TaskState.QUEUED)
    assert caught.value.code is ErrorCode.INVALID_STATE


async def test_writer_waits_for_another_process_that_writes(
    file_url: str, new_task: NewTask
) -> None:
    task = new_task()
    with closing(sqlite3.connect(_path(file_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with open_sql_task_store(file_url) as store, trio.open_nursery() as nursery:
            nursery.start_soon(store.create, task, {})
            await trio.testing.wait_all_tasks_blocked()
            other.execute("COMMIT")
        async with open_sql_task_store(file_url) as store:
            assert await store.get("shop", task.id) == task


async def test_id_that_is_taken_by_another_request_is_an_error(
    file_url: str, new_task: NewTask
) -> None:
    async with open_sql_task_store(file_url) as store:
        task = new_task()
        await store.create(task, {"first": True})
        with pytest.raises(RowferryError) as caught:
            await store.create(new_task(id=task.id), {})
        assert caught.value.code is ErrorCode.INTERNAL
        assert await store.document("shop", task.id) == {"first": True}


def test_commits_are_durable_and_references_hold(file_url: str) -> None:
    engine = open_engine(file_url)
    with engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


PLANS = {
    "unfinished": (chores.unfinished_tasks(""), "ix_task_not_final"),
    "list": (statements.page("shop", TaskQuery()), "ix_task_client_id"),
    "one state": (
        statements.page("shop", TaskQuery(states=frozenset({TaskState.FAILED}))),
        "ix_task_client_state_id",
    ),
    "request": (statements.task_by_request("shop", "request"), "sqlite_autoindex_task_2"),
}


@pytest.mark.parametrize("name", PLANS)
def test_queries_walk_an_index_in_its_order(file_url: str, name: str) -> None:
    statement, index = PLANS[name]
    engine = open_engine(file_url)
    with engine.connect() as connection:
        query = statement.compile(engine, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    engine.dispose()
    details = [row[3] for row in plan]
    assert len(details) == 1, details  # a second step would be a sort
    assert f"USING INDEX {index} " in details[0] + " "


async def test_broken_database_is_an_internal_error_with_its_cause(
    file_url: str, new_task: NewTask
) -> None:
    async with open_sql_task_store(file_url) as store:
        with closing(sqlite3.connect(_path(file_url))) as other:
            other.execute("DROP TABLE task_payload")
            other.execute("DROP TABLE task")
        with pytest.raises(RowferryError) as unhealthy:
            await store.health()
        with pytest.raises(RowferryError) as uncreated:
            await store.create(new_task(), {})
    for caught in (unhealthy, uncreated):
        assert caught.value.code is ErrorCode.INTERNAL
        assert "no such table" in str(caught.value.__cause__)
        assert "table" not in caught.value.message


def test_full_disk_has_its_own_code(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'full.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("PRAGMA max_page_count = 3")
        with pytest.raises(RowferryError) as caught, database_errors():
            connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))")
    engine.dispose()
    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("postgresql://rowferry:secret@db/rowferry", "postgresql://…"),
        ("postgresql+psycopg2://u:secret@db/rowferry", "postgresql+psycopg2://…"),
        ("mysql+mysqldb://db/rowferry", "mysql+mysqldb://…"),
        ("postgresql+psycopg://u:secret@db", "no database's name"),
        ("mysql+pymysql://u:secret@db/", "no database's name"),
        ("sqlite+aiosqlite:///file.db", "sqlite+aiosqlite://…"),
        ("sqlite://", "no file"),
        ("sqlite:///:memory:", "no file"),
        ("sqlite://host/file.db", "sqlite://…"),
        ("rowferry.db", "something else"),
    ],
)
def test_address_that_is_none_of_a_database_is_refused_without_its_password(
    url: str, got: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        open_engine(url)
    (problem,) = caught.value.problems
    assert (problem.key, problem.got) == ("task_store.url", got)
    assert "secret" not in str(caught.value)


async def test_folder_that_is_not_there_is_an_internal_error(tmp_path: Path) -> None:
    with pytest.raises(RowferryError) as caught:
        async with open_sql_task_store(f"sqlite:///{tmp_path / 'missing' / 'tasks.db'}"):
            pytest.fail("opened")
    assert caught.value.code is ErrorCode.INTERNAL


async def test_file_that_is_no_database_is_an_internal_error(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(RowferryError) as caught:
        async with open_sql_task_store(f"sqlite:///{path}"):
            pytest.fail("opened")
    assert caught.value.code is ErrorCode.INTERNAL
    assert "not a database" in str(caught.value.__cause__)


async def test_closed_store_leaves_one_file(file_url: str, new_task: NewTask) -> None:
    async with open_sql_task_store(file_url) as store:
        await store.create(new_task(), {})
    path = Path(_path(file_url))
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    shutil.copy(path, path.with_name("copy.db"))
    async with open_sql_task_store(f"sqlite:///{path.with_name('copy.db')}") as store:
        assert len(await store.unfinished("")) == 1


async def test_calls_run_under_the_limiter_that_was_given(
    file_url: str, new_task: NewTask
) -> None:
    limiter = trio.CapacityLimiter(1)
    async with open_sql_task_store(file_url, limiter=limiter) as store:
        async with trio.open_nursery() as nursery, limiter:
            nursery.start_soon(store.create, new_task(), {})
            await trio.testing.wait_all_tasks_blocked()
            assert limiter.statistics().tasks_waiting == 1
        assert len(await store.unfinished("")) == 1
