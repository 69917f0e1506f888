"""Tasks in an SQL database: SQLAlchemy Core in worker threads."""

import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from random import random
from typing import Any, Final, TypeVar

import trio
from sqlalchemy import Connection, Engine, Select, insert, select
from sqlalchemy.exc import SQLAlchemyError

from rowferry.domain.quota import Usage
from rowferry.domain.task import Task, TaskState
from rowferry.ports import RECENT_MAX_CLIENTS, Chore, Renewal, StoredTask, TaskPage, TaskQuery
from rowferry.taskstore import chores, leases, reservations, statements
from rowferry.taskstore import usage as daily_usage
from rowferry.taskstore.addresses import CALL_SECONDS
from rowferry.taskstore.changes import changed_meanwhile, check_change
from rowferry.taskstore.database import open_engine
from rowferry.taskstore.failures import (
    WORTH_ANOTHER_TRY,
    Failure,
    database_errors,
    judged,
    unavailable,
)
from rowferry.taskstore.paging import page_of
from rowferry.taskstore.schema import require_current
from rowferry.taskstore.tables import (
    database_identity_table,
    task_payload_table,
    task_table,
)
from rowferry.taskstore.task_rows import row_of, task_of

CLOSE_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.05  # at most, before the second try; twice as long before the next ...
PAUSE_MAX_SECONDS: Final = 0.2  # ... and no further one after this
_T = TypeVar("_T")


@asynccontextmanager
async def open_sql_task_store(
    url: str,
    *,
    lease_seconds: float = 60.0,
    max_connections: int = 4,
    call_seconds: float = CALL_SECONDS,
    limiter: trio.CapacityLimiter | None = None,
) -> "AsyncIterator[SqlTaskStore]":
    """Open the store at an SQLAlchemy address, and close the database at the end.

    Its calls run in worker threads under ``limiter``, its own unless given: as many at once as
    there may be connections to a server, one in SQLite. Leases are given for ``lease_seconds``. A
    server that gives no answer for ``call_seconds`` fails the call; others wait so long for a
    thread.
    Raises ConfigError for an address that can't be used, INTERNAL for a schema that is not the
    code's (see ``schema``).
    """
    engine = open_engine(url, max_connections=max_connections, call_seconds=call_seconds)
    threads = 1 if engine.dialect.name == "sqlite" else max_connections
    store = SqlTaskStore(
        engine,
        lease_seconds=lease_seconds,
        call_seconds=call_seconds,
        limiter=limiter or trio.CapacityLimiter(threads),
    )
    try:
        await store.check_schema()
        yield store
    finally:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await store.close()


class SqlTaskStore:
    """Keeps ``ports.TaskStore``: one transaction a method, done whole even when it is cancelled.

    Every method raises DATABASE_UNAVAILABLE, DISK_FULL or INTERNAL when the database fails. After
    DATABASE_UNAVAILABLE the same call may be made again, and takes effect once: a commit whose
    answer was lost is looked up.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        lease_seconds: float,
        limiter: trio.CapacityLimiter,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._engine = engine
        self._call_seconds = call_seconds
        self._lease_microseconds = int(lease_seconds * 1_000_000)
        self._limiter = limiter
        self._doubtful: set[tuple[str, int]] = set()  # versions that may have been changed
        self._reserving = False

    async def check_schema(self) -> None:
        """Raise INTERNAL unless the database's schema is the code's."""
        await self._transact(require_current)

    async def close(self) -> None:
        """Close the database."""
        await trio.to_thread.run_sync(self._engine.dispose, limiter=self._limiter)

    async def create(self, task: Task, document: Mapping[str, Any]) -> Task | None:
        """Insert a task with its request; None if (client, request_id) is taken already."""
        payload = {"task_id": task.id, "document": document}
        taken = statements.task_by_request(task.client, task.request_id)

        def insert_both(connection: Connection) -> Task | None:
            found = connection.execute(taken).mappings().first()
            if found is not None:
                return task_of(found) if found["id"] == task.id else None
            connection.execute(insert(task_table), row_of(task))
            connection.execute(insert(task_payload_table), payload)
            reservations.add_share(connection, task)
            return task

        return await self._transact(insert_both)

    async def find_request(self, client: str, request_id: str) -> Task | None:
        """Look a task up by the client's idempotency key."""
        return await self._one(statements.task_by_request(client, request_id))

    async def get(self, client: str, task_id: str) -> Task | None:
        """Look a task up."""
        return await self._one(statements.task_by_id(client, task_id))

    async def load(self, task_id: str) -> StoredTask | None:
        """Look a task up with its request, whoever's it is: for the service's own work."""
        query = statements.task_with_document(task_id)

        def fetch(connection: Connection) -> StoredTask | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else (task_of(row), row["document"])

        return await self._transact(fetch)

    async def find(self, task_ids: Sequence[str]) -> Mapping[str, Task]:
        """Look tasks up by their ids, whoever's they are."""
        query = statements.tasks_by_id(task_ids)

        def fetch(connection: Connection) -> Mapping[str, Task]:
            return {row["id"]: task_of(row) for row in connection.execute(query).mappings()}

        return await self._transact(fetch)

    async def document(self, client: str, task_id: str) -> Mapping[str, Any] | None:
        """Give the request of a task as ``create`` took it."""
        query = statements.document_of(client, task_id)
        return await self._transact(lambda connection: connection.scalar(query))

    async def update(self, task: Task, *, expected: TaskState) -> Task:
        """Write all of a task's state if it still has ``task.version`` and is still ``expected``.

        Returns the task with its new version; raises INVALID_STATE when somebody else was first.
        """
        check_change(task, expected)
        change = statements.change_of(task, expected, self._lease_microseconds)

        def write(connection: Connection) -> int:
            rows = connection.execute(statements.CONDITIONAL_UPDATE, change).rowcount
            reservations.add_share(connection, task)
            return rows

        updated = replace(task, version=task.version + 1)
        key = (task.id, task.version)
        if await self._transact(write, key) != 1 and not await self._was_written(updated, key):
            raise changed_meanwhile(task, expected)
        self._doubtful.discard(key)
        return updated

    async def _was_written(self, updated: Task, key: tuple[str, int]) -> bool:
        """Tell whether the change that the row shows is the one whose answer was lost."""
        return key in self._doubtful and await self.get(updated.client, updated.id) == updated

    async def renew(self, tasks: Sequence[Task]) -> Sequence[Renewal]:
        """Renew the leases of running tasks and note their progress, all in one transaction."""
        return await self._transact(
            lambda connection: leases.renew(connection, tasks, self._lease_microseconds)
        )

    async def request_cancel(self, client: str, task_id: str, reason: str) -> bool:
        """Tell the owner of a running task's lease to cancel it; False if it does not run."""
        wish = statements.cancel_request(client, task_id, reason)
        return await self._transact(lambda connection: connection.execute(wish).rowcount == 1)

    async def cancel_reason(self, client: str, task_id: str) -> str | None:
        """Give the reason of a cancellation that was requested and not done yet."""
        query = statements.cancel_request_of(client, task_id)
        return await self._transact(lambda connection: connection.scalar(query))

    async def reserve(self, owner: str, held: Collection[str] = ()) -> str | None:
        """Give the first queued pulled task that nobody has reserved; None if there is none."""
        if self._reserving:
            return None  # a call that was given up has not come back: it may get one
        lease = self._lease_microseconds
        given_up = threading.Event()

        def reserve(connection: Connection) -> str | None:
            task_id = reservations.reserve(connection, owner, lease, held)
            if given_up.is_set():
                raise unavailable()  # to nobody: the task is left to the next one who asks
            return task_id

        try:
            return await self._transact(reserve, run=self._run_reservation)
        finally:
            given_up.set()

    async def awaiting(
        self, chore: Chore, *, node: str, before: datetime, limit: int
    ) -> Sequence[Task]:
        """Give tasks of all clients that a node's scheduler has to do something about."""
        return await self._many(chores.awaiting(chore, node=node, before=before, limit=limit))

    async def list(self, client: str, query: TaskQuery) -> TaskPage:
        """Give one page; raise INVALID_METADATA for a token that ``list`` did not give."""
        return page_of(client, query, await self._many(statements.page(client, query)))

    async def recent(
        self, clients: Sequence[str], *, since: datetime, limit: int
    ) -> Sequence[Task]:
        """Give each client's newest tasks in each unfinished state, and those made since."""
        asked = clients[:RECENT_MAX_CLIENTS]
        return await self._many(statements.recent(asked, since, limit)) if asked else ()

    async def unfinished(self, node: str) -> Sequence[Task]:
        """Give a node's tasks, of all clients, that are not final, oldest first."""
        return await self._many(chores.unfinished_tasks(node))

    async def queued_pulls(self, client: str | None = None) -> int:
        """Count the pulled tasks that wait for a slot: of one client, or of all."""
        query = chores.queued_pulls(client)
        return await self._transact(lambda connection: connection.execute(query).scalar_one())

    async def delete(self, client: str, task_id: str) -> None:
        """Forget a task and its request; no error if there is none."""
        deletion = statements.deletion_of(client, task_id)
        await self._transact(lambda connection: connection.execute(deletion))

    async def usage(self, client: str, day: str) -> Mapping[str, Usage]:
        """Give what a client has sent on a UTC day, as each node counted it."""
        return await self._transact(
            lambda connection: daily_usage.usage_by_node(connection, client, day)
        )

    async def put_usage(self, client: str, day: str, node: str, usage: Usage) -> None:
        """Write what a node has counted so far of a client's day; once is as good as twice."""
        await self._transact(
            lambda connection: daily_usage.put_usage(connection, client, day, node, usage)
        )

    async def identity(self) -> str:
        """Give the random id that was made with the database: no two have the same."""
        query = select(database_identity_table.c.identity)
        return await self._transact(lambda connection: connection.execute(query).scalar_one())

    async def health(self) -> None:
        """Raise unless the store answers."""
        await self._transact(lambda connection: connection.execute(statements.any_task()).all())

    async def _one(self, query: Select[Any]) -> Task | None:
        found = await self._many(query)
        return found[0] if found else None

    async def _many(self, query: Select[Any]) -> Sequence[Task]:
        def fetch(connection: Connection) -> Sequence[Task]:
            return [task_of(row) for row in connection.execute(query).mappings()]

        return await self._transact(fetch)

    async def _transact(
        self,
        work: Callable[[Connection], _T],
        key: tuple[str, int] | None = None,
        run: Callable[[Callable[[Connection], _T]], _T] | None = None,
    ) -> _T:
        """Do the work in a thread and commit it; of work that raises nothing stays.

        Work that others were in the way of is tried again, and so is work whose connection broke:
        that may have been committed, so ``key`` is noted. Nothing is begun when a call's time is
        over.
        """
        pause_seconds = PAUSE_SECONDS
        ends_at = trio.current_time() + self._call_seconds
        with database_errors():
            while True:
                try:
                    return await self._in_thread(partial(run or self._run, work), run is not None)
                except SQLAlchemyError as error:
                    failure = judged(error)
                    if failure is Failure.LOST and key is not None:
                        self._doubtful.add(key)
                    is_late = pause_seconds > PAUSE_MAX_SECONDS or trio.current_time() >= ends_at
                    if failure not in WORTH_ANOTHER_TRY or is_late:
                        raise
                await trio.sleep(pause_seconds * random())  # noqa: S311  no secret
                pause_seconds *= 2

    async def _in_thread(self, run: Callable[[], _T], abandon_on_cancel: bool) -> _T:  # noqa: FBT001
        """Wait for a thread for the time of a call, and for what it does as long as it takes."""
        with trio.move_on_after(self._call_seconds):
            return await trio.to_thread.run_sync(
                run, limiter=self._limiter, abandon_on_cancel=abandon_on_cancel
            )
        raise unavailable()

    def _run(self, work: Callable[[Connection], _T]) -> _T:
        with self._engine.begin() as connection:
            return work(connection)

    def _run_reservation(self, work: Callable[[Connection], _T]) -> _T:
        self._reserving = True
        try:
            return self._run(work)
        finally:
            self._reserving = False
