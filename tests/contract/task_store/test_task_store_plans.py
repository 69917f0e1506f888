"""The queries that run all the time walk indexes on servers too, however many tasks there are."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import Engine, Select, insert

from rowferry.domain.spec import Format
from rowferry.domain.task import Source, Task, TaskState
from rowferry.ports import Chore, TaskQuery
from rowferry.taskstore import chores, statements
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.schema import upgrade
from rowferry.taskstore.tables import task_table
from rowferry.taskstore.task_rows import row_of
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer

TASKS: Final = 4000
NOW: Final = datetime(2025, 6, 1, tzinfo=UTC)


def _task(number: int) -> Task:
    waits = number % 100 == 0
    return Task(
        id=f"{number:032x}",
        client="client 1" if number % 40 == 1 else "big client",
        request_id=f"request {number}",
        request_hash="",
        format=Format.CSV,
        filename="orders",
        created_at=NOW,
        state=TaskState.QUEUED if waits else TaskState.COMPLETED,
        source=Source.PULL if waits else Source.PUSH,
        finished_at=None if waits else NOW,
    )


def _filled(url: str, analyse: str) -> Engine:
    upgrade(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(task_table), [row_of(_task(n)) for n in range(TASKS)])
    with engine.begin() as connection:
        connection.exec_driver_sql(analyse)
    return engine


def _explained(engine: Engine, statement: Select[Any]) -> str:
    query = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        # psycopg and PyMySQL take a sign for a parameter even where there are none
        rows = connection.exec_driver_sql(f"EXPLAIN {query}").all()
    return "\n".join(str(tuple(row)) for row in rows)


def _chore(chore: Chore) -> Select[Any]:
    return chores.awaiting(chore, node="here", before=NOW, limit=10)


STATEMENTS: Final[dict[str, tuple[Select[Any], str, str]]] = {
    "request": (statements.task_by_request("client 1", "request 1"), "uq_task", "uq_task"),
    "list": (statements.page("client 1", TaskQuery()), "client_id", "client_id"),
    "list of a state": (
        statements.page("client 1", TaskQuery(states=frozenset({TaskState.FAILED}))),
        "ix_task_",
        "client_state_id",
    ),
    "recent": (statements.recent(["client 1", "c"], NOW, 100), "client_state_id", "client_id"),
    "unfinished": (chores.unfinished_tasks("here"), "not_final", "timed"),
    "queued pulls": (chores.queued_pulls(), "queued_pull", "ix_task_"),
    "lapsed": (_chore(Chore.LAPSED), "running", "timed"),
    "due": (_chore(Chore.DUE), "timed", "timed"),
    "undispatched": (_chore(Chore.UNDISPATCHED), "queued_pull", "ix_task_"),
    "file expired": (_chore(Chore.FILE_EXPIRED), "with_file", "with_file"),
    "spool expired": (_chore(Chore.SPOOL_EXPIRED), "with_spool", "with_spool"),
    "forgettable": (_chore(Chore.FORGETTABLE), "without_file", "without_file"),
}


def test_postgresql_walks_indexes(postgresql: PostgresqlServer) -> None:
    engine = _filled(postgresql.create_database(), "ANALYZE")
    plans = {name: _explained(engine, statement[0]) for name, statement in STATEMENTS.items()}
    engine.dispose()
    for name, (_, index, _) in STATEMENTS.items():
        assert index in plans[name], (name, plans[name])
        assert "Seq Scan" not in plans[name], (name, plans[name])


def test_mariadb_walks_indexes(mariadb: MariadbServer) -> None:
    engine = _filled(mariadb.create_database(), "ANALYZE TABLE task")
    plans = {name: _explained(engine, statement[0]) for name, statement in STATEMENTS.items()}
    engine.dispose()
    for name, (_, _, index) in STATEMENTS.items():
        assert index in plans[name], (name, plans[name])
        assert "'task', 'ALL'" not in plans[name], (name, plans[name])  # small results may be


@pytest.mark.parametrize("size", [50, 500])
def test_mariadb_does_not_read_past_a_page(mariadb: MariadbServer, size: int) -> None:
    engine = _filled(mariadb.create_database(), "ANALYZE TABLE task")
    with engine.connect() as connection:
        connection.exec_driver_sql("FLUSH STATUS")
        page = statements.page("big client", TaskQuery(page_size=size))
        behind = page.where(task_table.c.id < f"{TASKS // 2:032x}")
        assert len(connection.execute(behind).all()) == size + 1
        status = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read_prev'").one()
    engine.dispose()
    assert int(status[1]) <= size + 1


def test_mariadb_reads_no_more_than_a_page_of_each_state(mariadb: MariadbServer) -> None:
    engine = _filled(mariadb.create_database(), "ANALYZE TABLE task")
    rare = TaskQuery(page_size=50, states=frozenset({TaskState.QUEUED, TaskState.FAILED}))
    with engine.connect() as connection:
        connection.exec_driver_sql("FLUSH STATUS")
        found = connection.execute(statements.page("big client", rare)).all()
        statuses = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'").all()
    engine.dispose()
    assert len(found) == TASKS // 100
    assert sum(int(count) for _, count in statuses) < TASKS // 10
