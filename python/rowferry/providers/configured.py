"""The data providers that the settings describe."""

from collections.abc import Sequence
from pathlib import Path

from rowferry.config_groups import Providers, SqlQuerySettings
from rowferry.domain.spec import Column, DataType
from rowferry.ports import DataProvider
from rowferry.providers.registry import ProviderSetupError


def configured_providers(settings: Providers) -> Sequence[DataProvider]:
    """Make a provider of each query; raise ProviderSetupError for one that can't be."""
    return [_sql_query(query) for query in settings.sql_queries]


def _sql_query(settings: SqlQuerySettings) -> DataProvider:
    from rowferry.providers.sql_query import SqlQuery, SqlQueryProvider  # noqa: PLC0415  if used

    columns = (
        Column(
            name=column.name,
            data_type=DataType(column.data_type),
            width=column.width,
            format=column.format,
        )
        for column in settings.columns
    )
    query = SqlQuery(
        name=settings.name,
        url=settings.url or _secret(settings),
        statement=settings.statement,
        parameters=settings.parameters,
        columns=tuple(columns),
        count_statement=settings.count_statement,
        batch_rows=settings.batch_rows,
        statement_timeout_seconds=settings.statement_timeout_seconds,
    )
    return SqlQueryProvider(query)


def _secret(settings: SqlQuerySettings) -> str:
    try:
        return Path(settings.url_file).read_text("utf-8").strip()
    except OSError as error:
        message = f"The url_file of the query {settings.name!r} can't be read: {error.strerror}."
        raise ProviderSetupError(message) from error
