"""The database's clock, by which leases are counted: processes' own differ, and jump.

Microseconds since 1970, as all times in the tables.
"""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DatabaseClock(FunctionElement[int]):
    """The time now; not that of the transaction's start, which may have waited."""

    type = BigInteger()
    inherit_cache = True


@compiles(DatabaseClock, "sqlite")
def _sqlite(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:  # noqa: ANN401
    # Julian days: unixepoch() with fractions came with SQLite 3.42
    return "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"


@compiles(DatabaseClock, "postgresql")
def _postgresql(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:  # noqa: ANN401
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(DatabaseClock, "mysql")
def _mysql(_element: DatabaseClock, _compiler: Any, **_options: Any) -> str:  # noqa: ANN401
    # not UNIX_TIMESTAMP, which ends in 2038 and doubts an hour each autumn
    return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
