"""What a store on a server does while the server is away, and when answers are lost."""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import psycopg
import pymysql
import pytest
import trio
from sqlalchemy import Engine, update

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.task import Source, Task, TaskState
from rowferry.ports import TaskQuery, TaskStore
from rowferry.taskstore import database
from rowferry.taskstore.failures import database_errors
from rowferry.taskstore.schema import upgrade
from rowferry.taskstore.sql import SqlTaskStore, open_sql_task_store
from rowferry.taskstore.tables import task_table
from tests.servers.database_server import DatabaseServer
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer

NewTask = Callable[..., Task]
Target = Any  # a driver's connection or cursor
Fault = Callable[[Target], None]
_T = TypeVar("_T")
CRASHES = {PostgresqlServer: signal.SIGQUIT, MariadbServer: signal.SIGKILL}


@pytest.fixture(scope="module", params=CRASHES, ids=lambda kind: kind.program)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A server that may be stopped; each test starts it again."""
    with request.param.running() as running:
        yield running


@pytest.fixture
def url(server: DatabaseServer) -> str:
    url = server.create_database()
    upgrade(url)
    return url


def _engine(store: SqlTaskStore) -> Engine:
    return store._engine  # noqa: SLF001  to fail where only a network fails


class Faulty:
    """Lets calls of a function of an engine's dialect fail, as often as it is told."""

    def __init__(self, engine: Engine, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self._real = getattr(engine.dialect, name)
        monkeypatch.setattr(engine.dialect, name, self._call)

    def fail(self, times: int, fault: Fault, *, after: bool) -> None:
        """Let so many calls do what they should and then fail, or fail instead of it."""
        self.times, self._fault, self._after = times, fault, after

    def _call(self, target: Target, *arguments: object, **named: object) -> None:
        failing = self.times > 0
        self.times -= failing
        if not failing or self._after:
            self._real(target, *arguments, **named)
        if failing:
            self._fault(target)


def _break_connection(connection: Target) -> None:
    """Fail as the drivers do when the server does not answer any more."""
    driver_connection = getattr(connection, "driver_connection", connection)
    if isinstance(driver_connection, psycopg.Connection):
        driver_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")
    raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")


def _break_connection_of(cursor: Target) -> None:
    _break_connection(cursor.connection)


def _deadlock(cursor: Target) -> None:
    if isinstance(cursor, psycopg.Cursor):
        raise psycopg.errors.DeadlockDetected("deadlock detected")
    raise pymysql.err.OperationalError(1213, "Deadlock found when trying to get lock")


async def _refusal(call: Callable[[], Awaitable[object]]) -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await call()
    return caught.value


async def test_store_goes_on_once_the_server_is_back(
    server: DatabaseServer, url: str, new_task: NewTask
) -> None:
    task, meanwhile = new_task(), new_task()
    async with open_sql_task_store(url) as store:
        await store.create(task, {})
        server.stop(CRASHES[type(server)])
        for call in (
            lambda: store.create(meanwhile, {}),
            lambda: store.get("shop", task.id),
            lambda: store.update(
                replace(task, state=TaskState.PROCESSING), expected=TaskState.QUEUED
            ),
            store.health,
        ):
            refusal = await _refusal(call)
            assert refusal.code is ErrorCode.DATABASE_UNAVAILABLE
            assert refusal.context == {}
        server.start()
        assert await store.get("shop", task.id) == task
        assert await store.create(meanwhile, {}) == meanwhile


async def test_server_that_is_away_at_the_start_is_told(server: DatabaseServer, url: str) -> None:
    server.stop(signal.SIGTERM)
    try:
        with pytest.raises(RowferryError) as caught:
            async with open_sql_task_store(url):
                pytest.fail("opened")
        assert caught.value.code is ErrorCode.DATABASE_UNAVAILABLE
    finally:
        server.start()


async def test_frozen_server_fails_calls_in_time_and_is_used_again(
    server: DatabaseServer, url: str, new_task: NewTask
) -> None:
    task, meanwhile = new_task(), new_task()
    async with open_sql_task_store(url, call_seconds=1) as store:
        await store.create(task, {})
        wanted = replace(task, state=TaskState.PROCESSING, lease_owner="node 1")
        with server.frozen():
            for call in (
                lambda: store.update(wanted, expected=TaskState.QUEUED),
                lambda: store.create(meanwhile, {}),
                lambda: store.list("shop", TaskQuery()),
            ):
                refusal = await _refusal(call)
                assert refusal.code is ErrorCode.DATABASE_UNAVAILABLE
        assert await store.update(wanted, expected=TaskState.QUEUED) == replace(wanted, version=2)
        assert await store.create(meanwhile, {}) == meanwhile


async def test_change_whose_server_froze_at_its_commit_can_be_asked_for_again(
    server: DatabaseServer, url: str, new_task: NewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sql_task_store(url, call_seconds=1) as store:
        task = new_task()
        await store.create(task, {})
        with ExitStack() as frozen:
            dialect = _engine(store).dialect
            commit = dialect.do_commit

            def commit_frozen(connection: Target) -> None:
                monkeypatch.setattr(dialect, "do_commit", commit)
                frozen.enter_context(server.frozen())
                commit(connection)

            monkeypatch.setattr(dialect, "do_commit", commit_frozen)
            wanted = replace(task, state=TaskState.PROCESSING, lease_owner="node 1")
            refusal = await _refusal(lambda: store.update(wanted, expected=TaskState.QUEUED))
            assert refusal.code is ErrorCode.DATABASE_UNAVAILABLE
        updated = await store.update(wanted, expected=TaskState.QUEUED)
        assert updated == replace(wanted, version=2) == await store.get("shop", task.id)


async def test_calls_that_find_no_free_connection_of_a_frozen_server_fail_in_time(
    server: DatabaseServer, url: str
) -> None:
    refusals: list[RowferryError] = []
    async with open_sql_task_store(url, call_seconds=1, max_connections=1) as store:

        async def refused() -> None:
            refusals.append(await _refusal(store.health))

        with server.frozen():
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(refused)
        await store.health()
    codes = {refusal.code for refusal in refusals}
    assert (len(refusals), codes) == (20, {ErrorCode.DATABASE_UNAVAILABLE})


async def test_reservation_that_hangs_can_be_given_up(
    server: DatabaseServer, url: str, new_task: NewTask
) -> None:
    task = new_task(source=Source.PULL)
    async with open_sql_task_store(url, call_seconds=2) as store:
        await store.create(task, {})
        with server.frozen():
            with trio.move_on_after(0.2) as patience:
                await store.reserve("node 1")
            assert patience.cancelled_caught
            assert await store.reserve("node 1") is None
            await _refusal(store.health)
        # until the thread that hung is back: it has left the task to others
        while (reserved := await store.reserve("node 1")) is None:
            await trio.lowlevel.checkpoint()
        assert reserved == task.id


async def test_connections_that_were_cut_while_idle_are_made_anew(
    server: DatabaseServer, url: str, new_task: NewTask
) -> None:
    async with open_sql_task_store(url) as store:
        task = new_task()
        await store.create(task, {})
        _cut_all(server, url)
        assert await store.get("shop", task.id) == task


def _cut_all(server: DatabaseServer, url: str) -> None:
    database = url.rpartition("/")[2]
    if isinstance(server, PostgresqlServer):
        server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"  # noqa: S608
        )
        return
    for row in server.execute("SHOW PROCESSLIST"):
        if row.db == database:
            server.execute(f"KILL {row.Id}")


@pytest.mark.parametrize("times", [1, 2])
async def test_changes_whose_answers_were_lost_take_effect_once(
    url: str, new_task: NewTask, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    async with open_sql_task_store(url) as store:
        commits = Faulty(_engine(store), "do_commit", monkeypatch)
        task = new_task()
        commits.fail(times, _break_connection, after=True)
        assert await store.create(task, {"a": 1}) == task
        commits.fail(times, _break_connection, after=True)
        wanted = replace(task, state=TaskState.PROCESSING, lease_owner="node 1")
        running = await store.update(wanted, expected=TaskState.QUEUED)
        assert running == replace(wanted, version=2)
        assert commits.times == 0
        assert await store.get("shop", task.id) == running
        assert await store.document("shop", task.id) == {"a": 1}


async def test_change_that_was_given_up_in_doubt_can_be_asked_for_again(
    url: str, new_task: NewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sql_task_store(url) as store:
        task = new_task()
        await store.create(task, {})
        commits = Faulty(_engine(store), "do_commit", monkeypatch)
        wanted = replace(task, state=TaskState.PROCESSING)
        commits.fail(99, _break_connection, after=True)
        refusal = await _refusal(lambda: store.update(wanted, expected=TaskState.QUEUED))
        assert refusal.code is ErrorCode.DATABASE_UNAVAILABLE
        commits.times = 0
        updated = await store.update(wanted, expected=TaskState.QUEUED)
        assert updated == replace(wanted, version=2) == await store.get("shop", task.id)
        again = await _refusal(lambda: store.update(wanted, expected=TaskState.QUEUED))
        assert again.code is ErrorCode.INVALID_STATE


async def test_change_in_doubt_is_not_taken_for_somebody_elses(
    url: str, new_task: NewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sql_task_store(url) as ours, open_sql_task_store(url) as theirs:
        task = new_task()
        await ours.create(task, {})
        commits = Faulty(_engine(ours), "do_commit", monkeypatch)
        wanted = replace(task, state=TaskState.PROCESSING, lease_owner="ours")
        commits.fail(99, _break_connection, after=False)
        await _refusal(lambda: ours.update(wanted, expected=TaskState.QUEUED))
        winner = await theirs.update(
            replace(wanted, lease_owner="theirs"), expected=TaskState.QUEUED
        )
        commits.times = 0
        refusal = await _refusal(lambda: ours.update(wanted, expected=TaskState.QUEUED))
        assert refusal.code is ErrorCode.INVALID_STATE
        assert await ours.get("shop", task.id) == winner


@pytest.mark.parametrize("fault", [_deadlock, _break_connection_of])
async def test_transaction_that_was_in_others_way_is_tried_again_whole(
    url: str, new_task: NewTask, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    async with open_sql_task_store(url) as store:
        task = new_task(source=Source.PULL)
        await store.create(task, {})
        executions = Faulty(_engine(store), "do_execute", monkeypatch)
        executions.fail(1, fault, after=True)
        assert await store.reserve("node 1") == task.id
        assert executions.times == 0
        executions.fail(99, fault, after=True)
        assert (await _refusal(store.queued_pulls)).code is ErrorCode.DATABASE_UNAVAILABLE


async def test_nothing_is_lost_or_doubled_when_the_server_crashes_under_load(
    server: DatabaseServer, url: str, new_task: NewTask
) -> None:
    acknowledged: list[Task] = []
    async with open_sql_task_store(url) as store, trio.open_nursery() as nursery:
        sender, receiver = trio.open_memory_channel[Task](0)
        for _ in range(4):
            nursery.start_soon(_create_and_claim, store, new_task, sender)
        for _ in range(3):
            acknowledged += [await receiver.receive() for _ in range(40)]
            await trio.to_thread.run_sync(server.stop, CRASHES[type(server)])
            await trio.to_thread.run_sync(server.start)
        acknowledged += [await receiver.receive() for _ in range(40)]
        nursery.cancel_scope.cancel()
    async with open_sql_task_store(url) as store:
        for task in acknowledged:
            assert await store.get("shop", task.id) == task
            assert task.version == 2


async def _create_and_claim(
    store: TaskStore, new_task: NewTask, sender: trio.MemorySendChannel[Task]
) -> None:
    while True:
        task = new_task()
        await _insist(partial(store.create, task, {}))
        wanted = replace(task, state=TaskState.PROCESSING, lease_owner="node 1")
        await sender.send(await _insist(partial(store.update, wanted, expected=task.state)))


async def _insist(call: Callable[[], Awaitable[_T]]) -> _T:
    """Make the call until the database is there, as the use cases do."""
    while True:
        try:
            return await call()
        except RowferryError as error:
            if error.code is not ErrorCode.DATABASE_UNAVAILABLE:
                raise
        await trio.sleep(0.02)


async def test_node_that_freezes_within_a_transaction_keeps_its_rows_from_others_for_a_while_only(
    url: str, new_task: NewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE_TRANSACTION_SECONDS", 1)
    async with open_sql_task_store(url) as frozen, open_sql_task_store(url) as other:
        task = new_task()
        await other.create(task, {})
        with _engine(frozen).connect() as connection:
            connection.execute(update(task_table).values(priority=task.priority))
            taken = await other.update(
                replace(task, state=TaskState.PROCESSING), expected=TaskState.QUEUED
            )
            with pytest.raises(RowferryError, match="broke the connection"), database_errors():
                connection.execute(update(task_table).values(priority=task.priority))
        assert await frozen.get(task.client, task.id) == taken
