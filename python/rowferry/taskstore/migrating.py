"""The database while its schema changes: held by one process, whatever others start meanwhile."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, NullPool, create_engine, event, text

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.taskstore.addresses import database_address
from rowferry.taskstore.database import open_sqlite

LOCK_SECONDS: Final = 600  # how long another process may take
CHANGE_SECONDS: Final = 3600
_POSTGRESQL_LOCK: Final = 0x526F_7766_6572_7279  # "Rowferry", in this database


@contextmanager
def migrating(url: str) -> Iterator[Connection]:
    """Hold the database for a change of its schema: a transaction that others' changes wait for.

    In MySQL each statement that changes a schema commits by itself: steps must be such that they
    can be done again.
    """
    # changing a large table takes its time, and so does waiting for others who do
    address = database_address(url, call_seconds=CHANGE_SECONDS)
    if address.drivername == "sqlite":
        engine = open_sqlite(address)
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_to_write)
    else:
        engine = create_engine(address, hide_parameters=True, poolclass=NullPool)
    try:
        with engine.begin() as connection, _schema_lock(connection):
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _schema_lock(connection: Connection) -> Iterator[None]:
    """Let one process change the schema; in SQLite the transaction is the lock."""
    if connection.dialect.name == "mysql":
        with _mysql_lock(connection):
            yield
        return
    if connection.dialect.name == "postgresql":
        # let go of with the transaction
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRESQL_LOCK})
    yield


@contextmanager
def _mysql_lock(connection: Connection) -> Iterator[None]:
    # The lock is the server's, not the database's; its name has 64 characters at most.
    database = hashlib.sha256(str(connection.engine.url.database).encode()).hexdigest()
    lock = {"name": f"rowferry {database[:32]}", "seconds": LOCK_SECONDS}
    if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), lock) != 1:
        message = "Another process has been changing the task database's schema for too long."
        raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, message)
    yield


def _leave_transactions_to_us(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401
    """Let a change of the schema be one transaction, and not reach what refers to a table.

    The driver would begin one at the first row only, and leave half a schema behind when it is
    killed (docs.python.org/3.11/library/sqlite3.html#transaction-control). References are not
    enforced: making a table anew, as SQLite must for most changes, would delete what refers to it.
    """
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = OFF").close()


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
