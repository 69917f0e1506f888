"""What a database's failures of a query mean: whether the same query could go well later.

Sources: https://www.postgresql.org/docs/current/errcodes-appendix.html,
https://mariadb.com/docs/server/reference/error-codes, https://www.sqlite.org/rescode.html
"""

import sqlite3
from enum import Enum, auto
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError


class QueryFailure(Enum):
    """What is known of a query that failed."""

    REFUSED = auto()  # the text or its parameters are wrong: SQLSTATE 22 and 42
    ENDED = auto()  # somebody or a time limit ended it
    PASSING = auto()  # another time it may go well


_REFUSED_CLASSES: Final = ("22", "42")
_QUERY_CANCELED: Final = "57014"
_SQLITE_REFUSED: Final = frozenset({
    sqlite3.SQLITE_ERROR,  # syntax, a missing table or column, a function's own failure
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
})  # fmt: skip
_MYSQL_ENDED: Final = frozenset({
    1317,  # KILL QUERY
    1969,  # max_statement_time of MariaDB
    3024,  # max_execution_time of MySQL
})  # fmt: skip
# Numbers whose SQLSTATE begins with 22 or 42: PyMySQL does not hand that on.
_MYSQL_REFUSED: Final = frozenset({
    1052, 1054, 1055, 1056, 1060, 1063, 1064, 1065, 1066, 1103, 1104, 1109, 1110, 1111, 1115,
    1140, 1142, 1143, 1146, 1149, 1166, 1178, 1227, 1230, 1231, 1232, 1235, 1247,
    1248, 1264, 1286, 1292, 1305, 1318, 1365, 1366, 1367, 1370, 1406, 1411, 1416, 1425, 1426,
    1427, 1441, 1582, 1583, 1584, 1630, 1690, 3141,
})  # fmt: skip


def judged(error: DBAPIError) -> tuple[QueryFailure, str]:
    """Tell what an error means, and its SQLSTATE, number or name; "" if it has none."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _judged_sqlite(cause)
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int):
        return _judged_mysql(number), str(number)
    state: str = getattr(cause, "sqlstate", None) or ""
    if state == _QUERY_CANCELED:
        return QueryFailure.ENDED, state
    # the driver itself refuses some values, and then has no state
    refused = state.startswith(_REFUSED_CLASSES) or isinstance(error, DataError)
    return QueryFailure.REFUSED if refused else QueryFailure.PASSING, state


def _judged_sqlite(cause: sqlite3.Error) -> tuple[QueryFailure, str]:
    number = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the upper bytes extend it
    name: str = getattr(cause, "sqlite_errorname", "")
    if number == sqlite3.SQLITE_INTERRUPT:
        return QueryFailure.ENDED, name
    return QueryFailure.REFUSED if number in _SQLITE_REFUSED else QueryFailure.PASSING, name


def _judged_mysql(number: int) -> QueryFailure:
    if number in _MYSQL_ENDED:
        return QueryFailure.ENDED
    return QueryFailure.REFUSED if number in _MYSQL_REFUSED else QueryFailure.PASSING
