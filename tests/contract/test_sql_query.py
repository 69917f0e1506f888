"""What a configured query does, on each database."""

import csv
import io
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import NullPool, create_engine

from rowferry.config_groups import Providers
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.retry import RETRYABLE
from rowferry.domain.spec import Column, DataType, ExportSpec, Format, Sheet
from rowferry.providers import sql_query
from rowferry.providers.configured import configured_providers
from rowferry.providers.pulled_rows import ProviderCancellation, PulledRows
from rowferry.providers.registry import ProviderRegistry, ProviderSetupError
from rowferry.providers.sql_query import QueryFailedError, SqlQuery, SqlQueryProvider
from rowferry.writers.registry import WriterRegistry, core_formats
from tests.servers.mariadb import MariadbServer
from tests.servers.postgresql import PostgresqlServer

ENDLESS = {
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c",
    "postgresql": "SELECT generate_series(1, 1000000000) AS n",
    "mysql": "SELECT seq AS n FROM seq_1_to_1000000000",
}
BLOCKED = {
    "sqlite": ENDLESS["sqlite"].replace("SELECT n FROM c", "SELECT count(*) FROM c"),
    "postgresql": "SELECT pg_sleep(60)",
    "mysql": "SELECT sleep(60)",
}
Query = Callable[..., SqlQueryProvider]


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with a table of orders."""
    if request.param == "sqlite":
        path = tmp_path / "shop.db"
        sqlite3.connect(path).close()
        address = f"sqlite:///{path}"
    else:
        fixture = {"postgresql": "postgresql", "mysql": "mariadb"}[request.param]
        server: PostgresqlServer | MariadbServer = request.getfixturevalue(fixture)
        address = server.create_database()
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, country VARCHAR(20),"
            " total DECIMAL(20, 4), bought DATE)"
        )
        connection.exec_driver_sql(
            "INSERT INTO orders VALUES (1, 'DE', 1234567890123456.7890, '2024-02-29'),"
            " (2, 'FR', 0.1, '2024-03-01'), (3, 'O''x', NULL, NULL)"
        )
    engine.dispose()
    return address


@pytest.fixture
def query(url: str) -> Query:
    def make(
        statement: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        **more: Any,  # noqa: ANN401
    ) -> SqlQueryProvider:
        described = {name: {"type": kind} for name, kind in (parameters or {}).items()}
        return SqlQueryProvider(
            SqlQuery(name="q", url=url, statement=statement, parameters=described, **more)
        )

    return make


@pytest.fixture
def endless(url: str) -> str:
    return ENDLESS[url.partition(":")[0].partition("+")[0]]


@pytest.fixture
def blocked(url: str) -> str:
    return BLOCKED[url.partition(":")[0].partition("+")[0]]


def _rows(provider: SqlQueryProvider, **parameters: object) -> list[tuple[Any, ...]]:
    batches = provider.rows(parameters, ProviderCancellation())
    return [row for batch in batches for row in batch]  # type: ignore[union-attr]


def _file(provider: SqlQueryProvider, folder: Path, **parameters: object) -> list[list[str]]:
    """Write the rows as CSV; give the cells with the header."""
    spec = ExportSpec(
        request_id="r",
        format=Format.CSV,
        filename="f",
        sheets=(Sheet(name="Sheet1", columns=tuple(provider.columns(parameters))),),
        provider="q",
        parameters=parameters,
    )
    source = PulledRows(provider, spec)
    writer = WriterRegistry(core_formats(encoder_threads=1)).open(spec, str(folder / "f.csv"))
    while frames := source.read(1 << 20):
        writer.write(frames)
    writer.finish()
    text = (folder / "f.csv").read_text("utf-8")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_rows_arrive_as_the_database_has_them(query: Query, tmp_path: Path, url: str) -> None:
    provider = query(
        "SELECT id, country, total, bought FROM orders WHERE id < :limit ORDER BY id;",
        parameters={"limit": "integer"},
    )
    first = "1234567890123456.7890" if "sqlite" not in url else "1234567890123456.8"
    assert _file(provider, tmp_path, limit=4) == [
        ["id", "country", "total", "bought"],
        ["1", "DE", first, "2024-02-29"],
        ["2", "FR", "0.1000" if "sqlite" not in url else "0.1", "2024-03-01"],
        ["3", "O'x", "", ""],
    ]


def test_parameters_are_bound_and_never_read_as_sql(query: Query) -> None:
    provider = query(
        "SELECT id FROM orders WHERE country = :country", parameters={"country": "string"}
    )
    assert len(_rows(provider, country="O'x")) == 1
    assert _rows(provider, country="' OR 1 = 1 --") == []


def test_list_is_bound_as_so_many_values(query: Query) -> None:
    provider = query("SELECT id FROM orders WHERE id IN :ids", parameters={"ids": "array"})
    assert len(_rows(provider, ids=[1, 3, 99])) == 2
    assert _rows(provider, ids=[]) == []


def test_columns_are_found_without_running_the_query(query: Query, endless: str, url: str) -> None:
    statement = f"SELECT n, 'x' AS name FROM ({endless}) AS numbers"  # noqa: S608  no input
    found = query(statement).columns({})
    assert [column.name for column in found] == ["n", "name"]
    if "sqlite" not in url:  # which has no types of columns
        assert [column.data_type for column in found] == [DataType.NUMBER, DataType.STRING]


def test_configured_columns_are_taken_as_they_are(query: Query) -> None:
    columns = (Column(name="No.", data_type=DataType.NUMBER),)
    assert query("SELECT no FROM nowhere", columns=columns).columns({}) == columns


def test_count_is_that_of_the_counting_statement(query: Query) -> None:
    provider = query(
        "SELECT id FROM orders WHERE id < :limit AND country <> :country",
        parameters={"limit": "integer", "country": "string"},
        count_statement="SELECT count(*) FROM orders WHERE id < :limit",
    )
    assert provider.count({"limit": 3, "country": ""}, ProviderCancellation()) == 2
    assert query("SELECT id FROM orders").count({}, ProviderCancellation()) is None


def test_result_is_streamed(query: Query, endless: str) -> None:
    batches = query(endless, batch_rows=10).rows({}, ProviderCancellation())
    assert [len(next(batches)) for _ in range(3)] == [10, 10, 10]  # type: ignore[arg-type]
    batches.close()  # type: ignore[attr-defined]


@contextmanager
def _cancelling(cancellation: ProviderCancellation) -> Iterator[None]:
    """Cancel until the block ends, as exports do: the statement may not have begun."""
    over = threading.Event()

    def cancel() -> None:
        while not over.wait(0.1):
            with suppress(Exception):  # its connection may be closed meanwhile
                cancellation.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_cancelled_statement_ends_at_the_server(query: Query, blocked: str) -> None:
    cancellation = ProviderCancellation()
    with _cancelling(cancellation), pytest.raises(QueryFailedError):
        list(query(blocked).rows({}, cancellation))


def test_cancelled_count_ends_at_the_server(query: Query, blocked: str) -> None:
    cancellation = ProviderCancellation()
    with _cancelling(cancellation), pytest.raises(QueryFailedError):
        query("SELECT 1 AS n", count_statement=blocked).count({}, cancellation)
    cancellation.cancel()  # its connection is closed: nothing is left to interrupt


def test_database_can_only_be_read(query: Query, url: str) -> None:
    with pytest.raises((QueryFailedError, RowferryError)):
        _rows(query("DELETE FROM orders"))
    assert len(_rows(query("SELECT id FROM orders"))) == 3


def test_failure_tells_neither_parameters_nor_the_address(query: Query, url: str) -> None:
    provider = query("SELECT id FROM nowhere WHERE x = :x", parameters={"x": "string"})
    with pytest.raises(RowferryError) as failed:
        _rows(provider, x="a secret")
    details = failed.value.__cause__
    assert isinstance(details, QueryFailedError)
    assert "secret" not in f"{failed.value!r} {details}"
    assert details.__cause__ is None
    assert failed.value.__suppress_context__


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("SELECT id FROM nowhere", {"SQLITE_ERROR", "42P01", "1146"}),
        ("SELECT nothing FROM orders", {"SQLITE_ERROR", "42703", "1054"}),
        ("SELEKT id FROM orders", {"SQLITE_ERROR", "42601", "1064"}),
        ("SELECT no_function(id) FROM orders", {"SQLITE_ERROR", "42883", "1305"}),
    ],
)
def test_what_the_database_finds_wrong_is_refused_for_good(
    query: Query, statement: str, codes: set[str]
) -> None:
    with pytest.raises(RowferryError) as refused:
        ProviderRegistry([query(statement)]).columns("q", {})
    assert refused.value.code is ErrorCode.PROVIDER_REFUSED
    assert refused.value.context["provider_code"] in codes
    assert refused.value.code not in RETRYABLE


def test_value_that_the_query_can_do_nothing_with_is_refused(query: Query, url: str) -> None:
    statement, code = {
        "sqlite": ("SELECT abs(-9223372036854775807 - :one) AS n", "SQLITE_ERROR"),
        "postgresql": ("SELECT 1 / (1 - :one) AS n", "22012"),
        "mysql": ("SELECT 9223372036854775807 + :one AS n", "1690"),
    }[url.partition(":")[0].partition("+")[0]]
    provider = query(statement, parameters={"one": "integer"})
    with pytest.raises(RowferryError) as refused:
        _rows(provider, one=1)
    assert refused.value.code is ErrorCode.PROVIDER_REFUSED
    assert refused.value.context == {"provider": "q", "provider_code": code}


def test_statement_ends_at_the_server_when_its_time_is_over(query: Query, blocked: str) -> None:
    provider = query(blocked, statement_timeout_seconds=0.2)
    with pytest.raises(RowferryError) as ended:
        _rows(provider)
    assert ended.value.code is ErrorCode.PROVIDER_TIMEOUT
    assert ended.value.context == {"provider": "q", "statement_timeout_seconds": "0.2"}
    assert ended.value.code not in RETRYABLE


def test_count_ends_at_the_server_when_its_time_is_over(query: Query, blocked: str) -> None:
    provider = query("SELECT 1 AS n", count_statement=blocked, statement_timeout_seconds=0.2)
    with pytest.raises(RowferryError) as ended:
        provider.count({}, ProviderCancellation())
    assert ended.value.code is ErrorCode.PROVIDER_TIMEOUT


def test_columns_that_do_not_come_are_told_with_the_time_that_they_had(
    postgresql: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_query, "DESCRIBE_SECONDS", 0.2)
    url = postgresql.create_database()
    postgresql.execute("CREATE TABLE orders (id INTEGER)", url=url)
    provider = SqlQueryProvider(
        SqlQuery(name="q", url=url, statement="SELECT id FROM orders", parameters={})
    )
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(RowferryError) as ended:
            provider.columns({})
    assert ended.value.code is ErrorCode.PROVIDER_TIMEOUT
    assert ended.value.context == {"provider": "q", "statement_timeout_seconds": "0.2"}


def test_rows_without_an_end_end_when_their_time_is_over(query: Query, endless: str) -> None:
    provider = query(endless, statement_timeout_seconds=0.5)
    batches = provider.rows({}, ProviderCancellation())
    with pytest.raises(RowferryError) as ended:
        deque(batches, maxlen=0)
    assert ended.value.code is ErrorCode.PROVIDER_TIMEOUT


def test_configured_query_has_the_time_of_its_table(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    table = {
        "name": "q",
        "url": f"sqlite:///{tmp_path}/shop.db",
        "statement": BLOCKED["sqlite"],
        "statement_timeout_seconds": 0.2,
    }
    (provider,) = configured_providers(msgspec.convert({"sql_queries": [table]}, Providers))
    with pytest.raises(RowferryError) as ended:
        deque(provider.rows({}, ProviderCancellation()), maxlen=0)
    assert ended.value.code is ErrorCode.PROVIDER_TIMEOUT


def test_time_of_a_statement_may_be_unlimited(query: Query) -> None:
    assert len(_rows(query("SELECT id FROM orders", statement_timeout_seconds=0))) == 3


def test_query_that_an_operator_ends_is_worth_another_try(
    query: Query, blocked: str, url: str
) -> None:
    """The server says the same as of a time limit that is over; the time tells them apart."""
    cancellation = ProviderCancellation()
    with _cancelling(cancellation), pytest.raises(QueryFailedError):
        list(query(blocked, statement_timeout_seconds=600).rows({}, cancellation))


def test_server_that_is_away_is_worth_another_try(unused_address: str) -> None:
    query = SqlQuery(name="q", url=unused_address, statement="SELECT 1", parameters={})
    with pytest.raises(RowferryError) as failed:
        ProviderRegistry([SqlQueryProvider(query)]).columns("q", {})
    assert failed.value.code is ErrorCode.PROVIDER_FAILED


@pytest.fixture(params=["sqlite", "postgresql+psycopg", "mysql+pymysql"])
def unused_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/none.db"
    else:
        yield f"{request.param}://me:secret@127.0.0.1:1/none"
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [("SELECT :a, :b", {"a": {}}), ("SELECT :a", {"a": {}, "b": {}})],
)
def test_statement_and_parameters_belong_together(
    statement: str, parameters: dict[str, Any]
) -> None:
    query = SqlQuery(name="q", url="sqlite:///x", statement=statement, parameters=parameters)
    with pytest.raises(ProviderSetupError):
        SqlQueryProvider(query)


def test_parameters_without_a_default_are_required() -> None:
    query = SqlQuery(
        name="q",
        url="sqlite:///x",
        statement="SELECT :a, :b",
        parameters={"a": {"type": "integer"}, "b": {"type": "string", "default": "x"}},
    )
    registry = ProviderRegistry([SqlQueryProvider(query)])
    assert registry.accept("q", {"a": 1}) == {"a": 1, "b": "x"}
    for wrong in ({}, {"a": "1"}, {"a": 1, "c": 1}):
        with pytest.raises(RowferryError) as refused:
            registry.accept("q", wrong)
        assert refused.value.context["field"].startswith("parameters")
