"""The database behind an address: how it is opened, and what its failures mean."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from rowferry.config import ConfigError, Problem
from rowferry.domain.errors import ErrorCode, RowferryError

BUSY_TIMEOUT_MS: Final = 10_000  # how long another process, a backup say, may hold the file

SWITCH_PAUSE_SECONDS: Final = 0.01


def open_engine(url: str) -> Engine:
    """Open the database at an SQLAlchemy address; nothing is connected yet.

    SQLite gets one connection, which any thread may use but only one at a time. Raises
    ConfigError for an address that is not ``sqlite:///`` and a file.
    """
    engine = create_engine(
        _sqlite_file(url), poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def open_migration_engine(url: str) -> Engine:
    """Open the database for a change of its schema, with everything in real transactions.

    The driver would begin one at the first row only, and leave half a schema behind when it is
    killed (docs.python.org/3.11/library/sqlite3.html#transaction-control). References are not
    enforced: making a table anew, as SQLite must for most changes, would delete what refers to it.
    """
    engine = open_engine(url)
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin_to_write)
    return engine


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what SQLAlchemy raises into a code, with the original as the cause.

    DATABASE_UNAVAILABLE is worth another try, DISK_FULL after somebody made room, INTERNAL is not.
    """
    try:
        yield
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) else None
        if isinstance(cause, sqlite3.Error) and _is_busy(cause):
            message = "The task database is locked by somebody else."
            raise RowferryError(ErrorCode.DATABASE_UNAVAILABLE, message) from error
        if _is_disk_full(error):
            message = "The disk of the task database is full."
            raise RowferryError(ErrorCode.DISK_FULL, message) from error
        raise RowferryError(ErrorCode.INTERNAL, "The task database failed.") from error


def _sqlite_file(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        raise _unusable_address("something else") from None
    # Only the scheme is shown: the rest may hold a password.
    if url.drivername != "sqlite" or url.host:
        raise _unusable_address(f"{url.drivername}://…")
    if url.database in {None, "", ":memory:"}:
        raise _unusable_address("no file")
    return url


def _unusable_address(got: str) -> ConfigError:
    problem = Problem(
        source="settings", key="task_store.url", expected="sqlite:/// and a file's path", got=got
    )
    return ConfigError((problem,))


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401
    """Make commits survive a power failure and references hold (sqlite.org/pragma.html)."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").close()
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL").close()
    connection.execute("PRAGMA foreign_keys = ON").close()


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Wait for others who switch a new file at the same moment: the busy timeout does not."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(SWITCH_PAUSE_SECONDS)
        else:
            return


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # its extended codes too


def _leave_transactions_to_us(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = OFF").close()


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _is_disk_full(error: SQLAlchemyError) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else None
    return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
