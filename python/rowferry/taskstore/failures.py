"""What a database's failures mean: whether to try again, and what others are told.

Sources: https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://mariadb.com/docs/server/reference/error-codes, https://www.sqlite.org/rescode.html
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rowferry.domain.errors import ErrorCode, RowferryError


class Failure(Enum):
    """What a transaction failed of; nothing of it stays, but of one that is LOST."""

    AWAY = auto()  # nobody answers, or somebody keeps the database locked
    DENIED = auto()  # the user or the password is not the database's
    UNTRUSTED = auto()  # its certificate is not one that the address trusts
    LOST = auto()  # the connection broke: what was committed is to be looked up
    CONFLICT = auto()  # with another transaction: a moment later it may go well
    TAKEN = auto()  # a key, which was free a moment before or never was
    FULL = auto()
    DEFECT = auto()


WORTH_ANOTHER_TRY: Final = frozenset({Failure.LOST, Failure.CONFLICT, Failure.TAKEN})
_CODES: Final = {
    Failure.AWAY: (ErrorCode.DATABASE_UNAVAILABLE, "The task database can't be reached."),
    Failure.DENIED: (ErrorCode.DATABASE_UNAVAILABLE, "The task database: authentication failed."),
    Failure.UNTRUSTED: (
        ErrorCode.DATABASE_UNAVAILABLE,
        "The task database's certificate is not trusted.",
    ),
    Failure.LOST: (ErrorCode.DATABASE_UNAVAILABLE, "The task database broke the connection."),
    Failure.CONFLICT: (ErrorCode.DATABASE_UNAVAILABLE, "The task database is too busy."),
    Failure.TAKEN: (ErrorCode.INTERNAL, "The task database has this task already."),
    Failure.FULL: (ErrorCode.DISK_FULL, "The disk of the task database is full."),
    Failure.DEFECT: (ErrorCode.INTERNAL, "The task database failed."),
}
_DENIED: Final = re.compile(r"authentication failed|no password supplied|no pg_hba.conf entry")
_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: Failure.AWAY,
    sqlite3.SQLITE_LOCKED: Failure.AWAY,
    sqlite3.SQLITE_FULL: Failure.FULL,
}
_POSTGRESQL: Final = {
    "40001": Failure.CONFLICT,  # serialization_failure
    "40P01": Failure.CONFLICT,  # deadlock_detected
    "55P03": Failure.CONFLICT,  # lock_not_available
    "53100": Failure.FULL,  # disk_full
    "53300": Failure.AWAY,  # too_many_connections
    "25006": Failure.AWAY,  # read_only_sql_transaction: a standby
    "25P03": Failure.LOST,  # idle_in_transaction_session_timeout
    "57P01": Failure.LOST,  # admin_shutdown
    "57P02": Failure.LOST,  # crash_shutdown
    "57P03": Failure.AWAY,  # cannot_connect_now
    "57P05": Failure.LOST,  # idle_session_timeout
}
_MYSQL: Final = {
    1205: Failure.CONFLICT,  # lock wait timeout
    1213: Failure.CONFLICT,  # deadlock
    1020: Failure.CONFLICT,  # record has changed since last read
    1021: Failure.FULL,  # disk full
    1114: Failure.FULL,  # table is full
    1040: Failure.AWAY,  # too many connections
    1203: Failure.AWAY,  # too many connections of the user
    1044: Failure.AWAY,  # no right to the database
    1045: Failure.DENIED,  # wrong user or password
    1698: Failure.DENIED,
    1049: Failure.AWAY,  # no such database
    1290: Failure.AWAY,  # read-only: a replica
    1792: Failure.AWAY,  # read-only transaction
    1836: Failure.AWAY,  # read-only mode
    2002: Failure.AWAY,  # can't connect through the socket
    2003: Failure.AWAY,  # can't connect
    1053: Failure.LOST,  # shutdown in progress
    1927: Failure.LOST,  # connection was killed
    2006: Failure.LOST,  # server has gone away
    2013: Failure.LOST,  # lost during a query
}


class HiddenFailureError(Exception):
    """Stands for an error whose text may hold what was to be stored."""


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what SQLAlchemy raises into a code, with the original as the cause.

    DATABASE_UNAVAILABLE is worth another try, DISK_FULL after somebody made room, INTERNAL is not.
    """
    try:
        yield
    except SQLAlchemyError as error:
        code, message = _CODES[judged(error)]
        raise RowferryError(code, message) from _without_values(error)


def unavailable() -> RowferryError:
    """Build the refusal of a call for which no connection got free in time."""
    return RowferryError(*_CODES[Failure.AWAY])


def judged(error: SQLAlchemyError) -> Failure:
    """Tell what an error means."""
    if isinstance(error, PoolTimeoutError):
        return Failure.AWAY
    if not isinstance(error, DBAPIError):
        return Failure.DEFECT
    if isinstance(error, IntegrityError):
        return Failure.TAKEN
    known = _by_code(error.orig)
    if error.connection_invalidated and known is not Failure.FULL:
        return Failure.LOST
    return known


def _by_code(cause: BaseException | None) -> Failure:
    if isinstance(cause, sqlite3.Error):
        # its extended codes are in the upper bytes
        return _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, Failure.DEFECT)
    number = cause.args[0] if cause is not None and cause.args else None
    if "certificate verify failed" in str(cause) or "server certificate for" in str(cause):
        return Failure.UNTRUSTED
    if isinstance(number, int):
        return _MYSQL.get(number, Failure.DEFECT)
    state: str | None = getattr(cause, "sqlstate", None)
    # libpq gives none for a connection that could not be made, whatever the reason
    names = {kind.__name__ for kind in type(cause).__mro__}  # ConnectionTimeout is one, too
    is_connecting = state is None and "OperationalError" in names
    if is_connecting:
        # in the server's language: in another than English it is one that is away
        return Failure.DENIED if _DENIED.search(str(cause)) else Failure.AWAY
    return _POSTGRESQL.get(state or "", Failure.DEFECT)


def _without_values(error: SQLAlchemyError) -> Exception:
    """Give the cause that may be logged: a violated rule is told with the values that broke it."""
    if not isinstance(error, IntegrityError | DataError):
        return error
    cause = error.orig
    number = getattr(cause, "sqlstate", None) or getattr(cause, "args", ())[:1]
    return HiddenFailureError(f"{type(cause).__name__} {number}")
