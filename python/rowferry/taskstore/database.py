"""The database behind an address: how it is opened for work."""

import sqlite3
import time
from functools import partial
from typing import Any, Final

from msgspec.json import decode as json_decode
from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event

from rowferry.taskstore.addresses import CALL_SECONDS, database_address, unusable_address

BUSY_TIMEOUT_MS: Final = 10_000  # how long another process, a backup say, may hold the file
POOL_TIMEOUT_SECONDS: Final = 10.0
IDLE_TRANSACTION_SECONDS: Final = 10  # a node that froze, or whose machine is gone

SWITCH_PAUSE_SECONDS: Final = 0.01
# The comment is MariaDB's to read: MySQL has no such limit.
_IDLE_TRANSACTIONS: Final = {
    "postgresql": "SET idle_in_transaction_session_timeout = '{}s'",
    "mysql": "SET /*M! idle_transaction_timeout = {}, */ autocommit = 0",
}


def open_engine(
    url: str, *, max_connections: int = 1, call_seconds: float = CALL_SECONDS
) -> Engine:
    """Open the database at an SQLAlchemy address; nothing is connected yet.

    SQLite has one connection, which any thread may use but only one at a time. To a server there
    are at most ``max_connections``; one that went away is noticed before it is used again, one
    that does not answer for ``call_seconds`` is broken off. Raises ConfigError for an address
    that can't be used.
    """
    address = database_address(url, call_seconds=call_seconds)
    if address.drivername == "sqlite":
        return open_sqlite(address)
    engine = create_engine(
        address,
        hide_parameters=True,  # errors are logged
        json_deserializer=json_decode,
        isolation_level="READ COMMITTED",
        pool_size=max_connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
    )
    if engine.dialect.name == "postgresql":
        # SQLite needs no driver of PostgreSQL
        from rowferry.taskstore.bounded_postgresql import bound_answers  # noqa: PLC0415

        bound_answers(engine, call_seconds)
    event.listen(engine, "connect", partial(_bound_transactions, engine.dialect.name))
    return engine


def _bound_transactions(dialect: str, connection: Any, _record: Any) -> None:  # noqa: ANN401
    """Have the server end a transaction that its node has left open: its rows are locked."""
    with connection.cursor() as cursor:
        cursor.execute(_IDLE_TRANSACTIONS[dialect].format(IDLE_TRANSACTION_SECONDS))
    connection.commit()


def require_supported_server(connection: Connection) -> None:
    """Raise ConfigError for a server that lacks what claims are made of: SKIP LOCKED."""
    dialect = connection.dialect
    found = dialect.server_version_info or ()
    name, oldest = {
        "postgresql": ("PostgreSQL", (12,)),
        "mysql": ("MariaDB", (10, 6))
        if getattr(dialect, "is_mariadb", False)
        else ("MySQL", (8,)),
    }.get(dialect.name, ("SQLite", ()))
    if tuple(found) < oldest:
        expected = f"{name} {_dotted(oldest)} or newer"
        raise unusable_address(f"{name} {_dotted(found)}", expected)


def _dotted(version: tuple[Any, ...]) -> str:
    return ".".join(map(str, version))


def open_sqlite(address: URL) -> Engine:
    """Open a file: one connection for all threads."""
    engine = create_engine(
        address,
        hide_parameters=True,
        json_deserializer=json_decode,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


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
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # extended codes too
            if not is_busy or time.monotonic() >= deadline:
                raise
            time.sleep(SWITCH_PAUSE_SECONDS)
        else:
            return
