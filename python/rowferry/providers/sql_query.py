"""Named queries of the configuration as data providers: bound parameters, streamed rows."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Engine, TextClause, bindparam, text
from sqlalchemy.exc import DBAPIError

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import Column, DataType
from rowferry.ports import Cancellation, RowBatch
from rowferry.providers.registry import ProviderSetupError
from rowferry.providers.sql_engines import Dialect, dialect_of, failure_of, open_engine
from rowferry.providers.sql_failures import QueryFailure, judged

DEFAULT_BATCH_ROWS: Final = 1000
DEFAULT_STATEMENT_TIMEOUT_SECONDS: Final = 3600.0
DESCRIBE_SECONDS: Final = 30.0  # nobody waits longer for columns


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlQuery:
    """A query with a name.

    ``statement`` holds ``:name`` for each parameter; ``parameters`` has a JSON Schema for each,
    and one with a ``default`` may be left out. Without ``columns`` the database names them;
    ``count_statement`` gives the number of rows, "" = not known. A statement that has not given
    its last row after ``statement_timeout_seconds`` is ended at the database, 0 = never.
    """

    name: str
    url: str
    statement: str
    parameters: Mapping[str, Mapping[str, Any]]
    columns: tuple[Column, ...] = ()
    count_statement: str = ""
    batch_rows: int = DEFAULT_BATCH_ROWS
    statement_timeout_seconds: float = DEFAULT_STATEMENT_TIMEOUT_SECONDS


class SqlQueryProvider:
    """A ``ports.DataProvider`` over one query: memory is one batch, whatever the rows.

    Values are bound by the driver, never put into the text. Raises ProviderSetupError for a
    statement whose parameters are others than those described. Its methods raise PROVIDER_REFUSED
    for what the database finds wrong, PROVIDER_TIMEOUT, and QueryFailedError for the rest.
    """

    def __init__(self, query: SqlQuery) -> None:
        self._query = query
        self._found_columns: tuple[Column, ...] = ()
        self.name = query.name
        self._statement = self._bound(query.statement)
        self._count = self._bound(query.count_statement) if query.count_statement else None
        missing = query.parameters.keys() - self._statement.compile().params.keys()
        if missing:
            message = f"The query {query.name!r} does not use its parameters {sorted(missing)}."
            raise ProviderSetupError(message)

    @property
    def parameter_schema(self) -> Mapping[str, Any]:
        """All parameters, and no other."""
        parameters = self._query.parameters
        required = [name for name, schema in parameters.items() if "default" not in schema]
        return {
            "type": "object",
            "properties": dict(parameters),
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }

    def columns(self, parameters: Mapping[str, Any]) -> Sequence[Column]:
        """Give the configured columns, else those that the database finds in the statement."""
        if not self._query.columns and not self._found_columns:
            self._found_columns = self._described(parameters)  # no parameter changes them
        return self._query.columns or self._found_columns

    def count(self, parameters: Mapping[str, Any], cancellation: Cancellation) -> int | None:
        """Run the counting statement, if there is one."""
        if self._count is None:
            return None
        with self._cancellable(cancellation) as connection:
            return int(connection.execute(self._count, self._used(parameters)).scalar_one())

    def rows(
        self, parameters: Mapping[str, Any], cancellation: Cancellation
    ) -> Iterator[RowBatch]:
        """Run the statement and read it batch by batch, as the database goes on with it."""
        ends_at = time.monotonic() + (self._query.statement_timeout_seconds or math.inf)
        with self._cancellable(cancellation) as connection:
            streaming = connection.execution_options(
                stream_results=True, max_row_buffer=self._query.batch_rows
            )
            result = streaming.execute(self._statement, parameters)
            with self._closing(result, connection):
                for partition in result.partitions(self._query.batch_rows):
                    yield [tuple(row) for row in partition]
                    if time.monotonic() >= ends_at:
                        raise self._timed_out(self._query.statement_timeout_seconds)

    @contextmanager
    def _cancellable(self, cancellation: Cancellation) -> Iterator[Connection]:
        """Connect for the block; what its statement does at the server ends with the export."""
        with self._connected(self._query.statement_timeout_seconds) as connection:

            def interrupt() -> None:
                if not connection.closed:
                    self._dialect.interrupt(self._engine, connection)

            cancellation.on_cancel(interrupt)
            yield connection

    @contextmanager
    def _closing(self, result: CursorResult[Any], connection: Connection) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._dialect.drains:
                self._dialect.interrupt(self._engine, connection)
            raise
        finally:
            result.close()

    @contextmanager
    def _connected(self, limit_seconds: float) -> Iterator[Connection]:
        """Connect for the block's statement; what the database refuses is told without values."""
        began = time.monotonic()
        try:
            with self._engine.connect() as connection:
                if limit_seconds:
                    self._dialect.limit(connection, limit_seconds)
                yield connection
        except DBAPIError as error:
            failed = self._told(error, limit_seconds, time.monotonic() - began)
            raise failed from failed.__cause__

    def _told(self, error: DBAPIError, limit_seconds: float, seconds: float) -> Exception:
        details = f"The query {self.name!r} failed: {failure_of(self._query.url, error)}"
        failure, code = judged(error)
        told: Exception = QueryFailedError(details)
        if failure is QueryFailure.REFUSED:
            message = "The database refused the query."
            context = {"provider": self.name, "provider_code": code}
            told = RowferryError(ErrorCode.PROVIDER_REFUSED, message, context)
            told.__cause__ = QueryFailedError(details)
        elif failure is QueryFailure.ENDED and limit_seconds and seconds >= limit_seconds:
            told = self._timed_out(limit_seconds)
        return told

    def _timed_out(self, limit_seconds: float) -> RowferryError:
        message = "The query took longer than it may."
        context = {"provider": self.name, "statement_timeout_seconds": f"{limit_seconds:g}"}
        return RowferryError(ErrorCode.PROVIDER_TIMEOUT, message, context)

    def _described(self, parameters: Mapping[str, Any]) -> tuple[Column, ...]:
        statement = _one_statement(self._query.statement)
        described = f"SELECT * FROM ({statement}\n) AS described WHERE 1 = 0"  # noqa: S608  the operator's own statement
        limit_seconds = min(self._query.statement_timeout_seconds or math.inf, DESCRIBE_SECONDS)
        with self._connected(limit_seconds) as connection:
            result = connection.execute(self._bound(described), parameters)
            types = self._dialect.data_types()
            return tuple(
                Column(name=field[0], data_type=types.get(field[1], DataType.STRING))
                for field in result.cursor.description
            )

    def _bound(self, statement: str) -> TextClause:
        clause = text(_one_statement(statement))
        names = clause.compile().params.keys()
        unknown = names - self._query.parameters.keys()
        if unknown:
            raise ProviderSetupError(
                f"The query {self._query.name!r} has no parameters {sorted(unknown)}; "
                "a colon that begins none is written \\:."
            )
        lists = [name for name in names if self._query.parameters[name].get("type") == "array"]
        return clause.bindparams(*(bindparam(name, expanding=True) for name in lists))

    def _used(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        names = self._count.compile().params.keys() if self._count is not None else ()
        return {name: parameters[name] for name in names}

    @property
    def _dialect(self) -> Dialect:
        return dialect_of(self._query.url)

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self._query.url)


def _one_statement(statement: str) -> str:
    return statement.rstrip().removesuffix(";")


class QueryFailedError(Exception):
    """A database refused: which error it was, and nothing of what was asked."""
