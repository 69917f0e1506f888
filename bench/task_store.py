"""``python -m bench.task_store``: what calls of the task store take, on each database.

Fills each with 100,000 tasks of one client, 1,000 of them pulled ones that wait, then makes each
call so many times, one after the other. PostgreSQL and MariaDB are started for it, with their
own defaults for durability. Times are of the whole call, its hop to a thread included.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import trio
from sqlalchemy import insert

from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Format
from rowferry.domain.task import Source, Task, TaskState
from rowferry.ports import Chore, TaskQuery
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.reservations import add_share
from rowferry.taskstore.schema import upgrade
from rowferry.taskstore.sql import SqlTaskStore, open_sql_task_store
from rowferry.taskstore.tables import task_payload_table, task_table
from rowferry.taskstore.task_rows import row_of
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer

TASKS: Final = 100_000
BLOCK: Final = 5000  # tasks inserted together
WAITING: Final = 1000
RARE: Final = 1000  # one task in so many has failed
START: Final = datetime(2025, 1, 1, tzinfo=UTC)
Call = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=500)
    calls = parser.parse_args().calls
    _print("| call | database | p50 ms | p99 ms |")
    _print("|---|---|---|---|")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        _measure("SQLite", f"sqlite:///{folder}/tasks.db", calls)
        postgresql = stack.enter_context(PostgresqlServer.running("fsync=on"))
        _measure("PostgreSQL", postgresql.create_database(), calls)
        durable = "--innodb-flush-log-at-trx-commit=1"
        mariadb = stack.enter_context(MariadbServer.running(durable))
        _measure("MariaDB", mariadb.create_database(), calls)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  the answer


def _measure(name: str, url: str, calls: int) -> None:
    upgrade(url)
    _fill(url)
    trio.run(_measure_calls, name, url, calls)


def _task(number: int) -> Task:
    created_at = START + timedelta(seconds=number)
    task = Task(
        id=make_task_id(int(created_at.timestamp() * 1000), number.to_bytes(10)),
        client="shop",
        request_id=f"request {number}",
        request_hash=f"{number:064x}",
        format=Format.EXCEL,
        filename=f"orders {number}",
        created_at=created_at,
        state=TaskState.FAILED if number % RARE == 0 else TaskState.COMPLETED,
        finished_at=created_at,
    )
    if number < TASKS - WAITING or number >= TASKS:
        return task
    return replace(
        task,
        client=f"client {number % 20}",
        state=TaskState.QUEUED,
        source=Source.PULL,
        finished_at=None,
    )


def _fill(url: str) -> None:
    engine = open_engine(url)
    tasks = [_task(number) for number in range(TASKS)]
    with engine.begin() as connection:
        for first in range(0, TASKS, BLOCK):
            some = tasks[first : first + BLOCK]
            connection.execute(insert(task_table), [row_of(task) for task in some])
            documents = [{"task_id": task.id, "document": {}} for task in some]
            connection.execute(insert(task_payload_table), documents)
        for task in tasks[-20:]:
            add_share(connection, task)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            "ANALYZE TABLE task" if engine.dialect.name == "mysql" else "ANALYZE"
        )
    engine.dispose()


async def _measure_calls(name: str, url: str, calls: int) -> None:
    async with open_sql_task_store(url) as store:
        for call_name, make_call in (await _calls(store)).items():
            seconds = [await _seconds(make_call()) for _ in range(calls)]
            percentiles = statistics.quantiles(seconds, n=100)
            p50, p99 = (f"{percentiles[at - 1] * 1000:.2f}" for at in (50, 99))
            _print(f"| {call_name} | {name} | {p50} | {p99} |")


async def _calls(store: SqlTaskStore) -> dict[str, Callable[[], Call]]:
    """Give for each kind of call what makes the next one."""
    numbers, finished = iter(range(TASKS, 2 * TASKS)), iter(range(1, TASKS))
    middle = await store.list("shop", TaskQuery(page_size=500))
    for _ in range(50):
        query = TaskQuery(page_size=500, page_token=middle.next_page_token)
        middle = await store.list("shop", query)
    deep = TaskQuery(page_size=500, page_token=middle.next_page_token)
    failed = frozenset({TaskState.FAILED})
    rare = frozenset({TaskState.FAILED, TaskState.CANCELLED})
    now = datetime.now(UTC)

    def page(query: TaskQuery) -> Callable[[], Call]:
        return lambda: partial(store.list, "shop", query)

    def chore(kind: Chore) -> Callable[[], Call]:
        return lambda: partial(store.awaiting, kind, node="node 1", before=START, limit=100)

    return {
        "list: first page of 50": page(TaskQuery()),
        "list: 500 behind 25,500": page(deep),
        "list: one state, 1 in 1,000": page(TaskQuery(states=failed)),
        "list: two states, 1 in 1,000": page(TaskQuery(states=rare)),
        "get": lambda: partial(store.get, "shop", _task(next(finished)).id),
        "awaiting LAPSED": chore(Chore.LAPSED),
        "awaiting DUE": chore(Chore.DUE),
        "awaiting UNDISPATCHED": chore(Chore.UNDISPATCHED),
        "awaiting FORGETTABLE": chore(Chore.FORGETTABLE),
        "queued_pulls": lambda: store.queued_pulls,
        "reserve, 1,000 of 20 clients wait": lambda: partial(store.reserve, "node 1"),
        "create": lambda: partial(store.create, _task(next(numbers)), {}),
        "update": lambda: partial(_expire, store, _task(next(finished)), now),
    }


async def _expire(store: SqlTaskStore, task: Task, now: datetime) -> None:
    wanted = replace(task, state=TaskState.EXPIRED, finished_at=now)
    await store.update(wanted, expected=task.state)


async def _seconds(call: Call) -> float:
    begun = time.perf_counter()
    await call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
