"""The databases that queries run on: read-only, streaming, values as the database writes them.

No value passes through a type of Python's that could round it: PostgreSQL and MySQL give text,
which the columns' types judge. Binary values are bytes, which become base64.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from rowferry.domain.spec import DataType

CONNECT_SECONDS: Final = 10
CANCEL_SECONDS: Final = 5.0
SQLITE_STEPS_BETWEEN_LOOKS: Final = 10_000  # of its virtual machine: well below a millisecond


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between databases.

    ``interrupt`` ends the statement of a connection at the server, from another thread; ``limit``
    has the database end what takes more seconds, even when this process is gone by then.
    ``drains`` tells whether a result that is not read whole has to be interrupted to be closed.
    ``failure`` says what is wrong, without values of rows or parameters.
    """

    open: Callable[[URL], Engine]
    interrupt: Callable[[Engine, Connection], None]
    limit: Callable[[Connection, float], None]
    drains: bool
    data_types: Callable[[], Mapping[Any, DataType]]
    failure: Callable[[BaseException], str]


def dialect_of(url: str) -> Dialect:
    """Give the dialect of an address; raise KeyError for another database."""
    return _DIALECTS[make_url(url).get_backend_name()]


def open_engine(url: str) -> Engine:
    """Prepare to connect: one connection an export, none kept."""
    return dialect_of(url).open(make_url(url))


def failure_of(url: str, error: DBAPIError) -> str:
    """Say why a database refused, in words that hold no value and no address."""
    cause = error.orig or error
    return f"{type(cause).__name__} {dialect_of(url).failure(cause)}".rstrip()


def _open_sqlite(url: URL) -> Engine:
    address = f"file:{quote(str(Path(url.database or '').absolute()))}?mode=ro"
    # the thread that reads is another one than that which interrupts
    return create_engine(
        "sqlite://",
        poolclass=NullPool,
        hide_parameters=True,
        creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False),
    )


def _interrupt_sqlite(_: Engine, connection: Connection) -> None:
    _driver_connection(connection).interrupt()


def _limit_sqlite(connection: Connection, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    _driver_connection(connection).set_progress_handler(
        lambda: time.monotonic() >= deadline, SQLITE_STEPS_BETWEEN_LOOKS
    )


def _open_postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _: object) -> None:  # noqa: ANN401  psycopg is optional
    from psycopg.types.string import TextLoader  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SET datestyle TO 'ISO'")
    connection.commit()
    connection.read_only = True
    for kind in connection.adapters.types:
        if kind.name != "bytea":
            connection.adapters.register_loader(kind.oid, TextLoader)
        if kind.array_oid:
            connection.adapters.register_loader(kind.array_oid, TextLoader)


def _interrupt_postgresql(_: Engine, connection: Connection) -> None:
    _driver_connection(connection).cancel_safe(timeout=CANCEL_SECONDS)


def _limit_postgresql(connection: Connection, seconds: float) -> None:
    # counted for each fetch of a cursor by itself: whoever fetches counts them together
    connection.exec_driver_sql(f"SET statement_timeout TO {_milliseconds(seconds)}")


def _postgresql_types() -> Mapping[Any, DataType]:
    from psycopg.postgres import types  # noqa: PLC0415

    names = {
        DataType.NUMBER: ("int2", "int4", "int8", "float4", "float8", "numeric", "oid"),
        DataType.DATE: ("date", "timestamp", "timestamptz"),
        DataType.BOOLEAN: ("bool",),
    }
    return {types[name].oid: data_type for data_type, group in names.items() for name in group}


def _postgresql_failure(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""


def _open_mysql(url: URL) -> Engine:
    from pymysql.converters import encoders  # noqa: PLC0415

    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        # without decoders every value stays the text that the server sent
        connect_args={"conv": encoders, "connect_timeout": CONNECT_SECONDS, "charset": "utf8mb4"},
    )
    event.listen(engine, "connect", _prepare_mysql)
    return engine


def _prepare_mysql(connection: Any, _: object) -> None:  # noqa: ANN401
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")


def _interrupt_mysql(engine: Engine, connection: Connection) -> None:
    thread_id = int(_driver_connection(connection).thread_id())
    with engine.connect() as other:
        other.exec_driver_sql(f"KILL QUERY {thread_id}")


def _limit_mysql(connection: Connection, seconds: float) -> None:
    if getattr(connection.dialect, "is_mariadb", False):
        connection.exec_driver_sql(f"SET SESSION max_statement_time = {seconds:.3f}")
    else:
        connection.exec_driver_sql(f"SET SESSION max_execution_time = {_milliseconds(seconds)}")


def _mysql_types() -> Mapping[Any, DataType]:
    from pymysql.constants import FIELD_TYPE as T  # noqa: PLC0415  twelve of its names

    numbers = (
        T.DECIMAL, T.NEWDECIMAL, T.TINY, T.SHORT, T.LONG, T.LONGLONG, T.INT24, T.FLOAT, T.DOUBLE,
        T.YEAR,
    )  # fmt: skip
    dates = (T.DATE, T.NEWDATE, T.DATETIME, T.TIMESTAMP)
    return dict.fromkeys(numbers, DataType.NUMBER) | dict.fromkeys(dates, DataType.DATE)


def _mysql_failure(error: BaseException) -> str:
    return str(error.args[0]) if error.args else ""  # the number: the text repeats parameters


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would be no limit


def _driver_connection(connection: Connection) -> Any:  # noqa: ANN401
    return connection.connection.driver_connection


_MYSQL: Final = Dialect(
    open=_open_mysql,
    interrupt=_interrupt_mysql,
    limit=_limit_mysql,
    drains=True,
    data_types=_mysql_types,
    failure=_mysql_failure,
)
_DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "sqlite": Dialect(
            open=_open_sqlite,
            interrupt=_interrupt_sqlite,
            limit=_limit_sqlite,
            drains=False,
            data_types=dict,  # values have types there, columns have none
            failure=str,
        ),
        "postgresql": Dialect(
            open=_open_postgresql,
            interrupt=_interrupt_postgresql,
            limit=_limit_postgresql,
            drains=False,
            data_types=_postgresql_types,
            failure=_postgresql_failure,
        ),
        "mysql": _MYSQL,
        "mariadb": _MYSQL,
    }
)
