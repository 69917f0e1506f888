"""Frames of pandas and queries of DuckDB: what becomes of the types that are theirs alone."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rowferry.client import ExportOptions, InvalidRequestError, InvalidRowError, sync
from tests.clients.python_facades import FACADES, Facade
from tests.clients.test_python_tables import run
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

QUERY: Final = """
    SELECT 9223372036854775807::BIGINT AS long, 1.50::DECIMAL(10,2) AS price, 'a,b' AS text,
        DATE '2026-01-31' AS day, TIMESTAMP '2026-01-31 10:00:00.25' AS moment,
        TIMESTAMPTZ '2026-01-31 10:00:00+02' AS instant, true AS yes, 'u'::ENUM('u', 'v') AS word,
        TIME '10:30' AS clock, 170141183460469231731687303715884105727::HUGEINT AS huge,
        'b6a42cde-3f2b-4e3a-9f4d-000000000001'::UUID AS id, NULL AS nothing
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("frames")) as running:
        yield running


@pytest.fixture(params=FACADES)
def export(request: pytest.FixtureRequest, service: ServiceProcess) -> Facade:
    return FACADES[request.param](service.grpc)


@pytest.fixture
def csv(export: Facade, tmp_path: Path) -> Any:  # noqa: ANN401
    def lines(table: Any, **options: str) -> list[str]:  # noqa: ANN401
        spec = ExportOptions(**options)  # type: ignore[arg-type]
        export(table, format="csv", options=spec, into=tmp_path / "file")
        return (tmp_path / "file").read_text("utf-8").splitlines()

    return lines


def frame() -> pd.DataFrame:
    moments = pd.to_datetime(
        ["2026-01-01 00:00:00", "2026-07-01 12:00:00.000001"], format="ISO8601"
    )
    return pd.DataFrame(
        {
            "count": pd.array([2**62, None], dtype="Int64"),
            "amount": [1.5, float("nan")],
            "small": pd.Series([0.1, 2.5], dtype="float32"),
            "word": pd.Categorical(["x", None]),
            "text": ["ä,b", None],
            "zoned": moments.tz_localize("Europe/Paris"),
            "day": pd.to_datetime(["2026-01-31", None]),
            "price": [Decimal("1.50"), None],
            "yes": pd.array([True, None], dtype="boolean"),
            "date": [dt.date(2026, 1, 31), None],
        }
    )


def test_a_frame_of_pandas(csv: Any) -> None:  # noqa: ANN401
    header, first, second = csv(frame())
    assert header == "count,amount,small,word,text,zoned,day,price,yes,date"
    assert first == (
        '4611686018427387904,1.5,0.1,x,"ä,b",2026-01-01T00:00:00,2026-01-31T00:00:00,1.50,true,'
        "2026-01-31"
    )
    assert second == ",,2.5,,,2026-07-01T12:00:00.000001,,,,"


def test_a_zone_of_pandas_is_an_instant_with_the_option(csv: Any) -> None:  # noqa: ANN401
    zoned = frame()[["zoned"]]
    assert csv(zoned, timezone="UTC")[1:] == ["2025-12-31T23:00:00", "2026-07-01T10:00:00.000001"]


def test_an_index_is_a_column_if_it_has_a_name(csv: Any) -> None:  # noqa: ANN401
    numbers = pd.DataFrame({"n": [1, 2]}, index=["x", "y"])
    assert csv(numbers) == ["n", "1", "2"]
    assert csv(numbers[::-1].reset_index(drop=True)) == ["n", "2", "1"]
    assert csv(numbers.rename_axis("key")) == ["n,key", "1,x", "2,y"]
    levels = numbers.set_index(["n", pd.Index([7, 8])], append=True)
    assert csv(levels.assign(v=[3, 4])) == ["v,n", "3,1", "4,2"]


def test_a_query_of_duckdb(csv: Any) -> None:  # noqa: ANN401
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        header, line = csv(connection.sql(QUERY))
    assert header == "long,price,text,day,moment,instant,yes,word,clock,huge,id,nothing"
    assert line == (
        '9223372036854775807,1.50,"a,b",2026-01-31,2026-01-31T10:00:00.25,2026-01-31T08:00:00,'
        "true,u,10:30:00,170141183460469231731687303715884105727,"
        "b6a42cde-3f2b-4e3a-9f4d-000000000001,"
    )


def test_a_query_of_duckdb_runs_once(export: Facade) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE SEQUENCE calls")
        assert export(connection.sql("SELECT nextval('calls') FROM range(100000)")).rows == 100_000
        assert connection.execute("SELECT currval('calls')").fetchall() == [(100_000,)]


NO_CELLS: Final[dict[str, Callable[[], Any]]] = {
    "list": lambda: [[1]],
    "struct": lambda: [{"a": 1}],
    "bytes": lambda: [b"a"],
    "duration": lambda: pd.to_timedelta(["1 day"]),
    "period": lambda: pd.period_range("2026-01", periods=1, freq="M"),
    "interval": lambda: pd.interval_range(0, 1),
}


@pytest.mark.parametrize("kind", NO_CELLS)
def test_what_no_cell_holds_is_refused_by_its_column(export: Facade, kind: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        export(pd.DataFrame({"n": [1], "bad": NO_CELLS[kind]()}))
    assert refused.value.context["key"] == "bad"


@pytest.mark.parametrize(
    "cell", ["[1, 2]", "{'a': 1}", "BLOB 'a'", "INTERVAL 1 DAY", "MAP {'a': 1}"]
)
def test_what_no_cell_holds_is_refused_of_a_query_too(export: Facade, cell: str) -> None:
    with duckdb.connect() as connection, pytest.raises(InvalidRequestError) as refused:
        export(connection.sql(f"SELECT 1 AS n, {cell} AS bad"))
    assert refused.value.context["key"] == "bad"


def test_a_frame_that_is_no_table_of_arrow_is_told(export: Facade) -> None:
    with pytest.raises(InvalidRequestError, match="column a with type object") as refused:
        export(pd.DataFrame({"a": [1, "secret"]}))
    assert "secret" not in str(refused.value)
    with pytest.raises(InvalidRequestError, match="non-struct"):
        export(pd.Series([1, 2]))
    with pytest.raises(InvalidRequestError):
        export(pd.DataFrame())


def test_infinities_of_pandas_are_told_by_row_and_column(export: Facade) -> None:
    with pytest.raises(InvalidRowError) as refused:
        export(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, float("inf")]}))
    assert (refused.value.context["row"], refused.value.context["column"]) == ("2", "1")


def test_truths_of_eight_bits_are_truths(csv: Any) -> None:  # noqa: ANN401
    truths = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8()))
    assert csv(pa.table({"a": truths})) == ["a", "true", "false", ""]


def test_a_file_that_pandas_wrote_is_exported_without_its_nameless_index(
    service: ServiceProcess, tmp_path: Path
) -> None:
    numbers = pd.DataFrame({"n": [1, 2]}, index=["x", "y"])
    pq.write_table(pa.Table.from_pandas(numbers), tmp_path / "numbers.parquet")
    output = tmp_path / "out.csv"
    for names, written in ((), "n\n1\n2\n"), (("--columns", "__index_level_0__"), None):
        result = run(
            service, tmp_path / "numbers.parquet", "--format", "csv", "--output", output, *names
        )
        assert result["record_count"] == 2
        assert written in {None, output.read_text("utf-8").replace("\r", "")}


def test_a_query_that_fails_in_the_middle_raises_its_own_error(service: ServiceProcess) -> None:
    query = "SELECT CASE WHEN range = 900000 THEN error('boom') ELSE range END FROM range(1000000)"
    with sync.Client(service.grpc) as client, duckdb.connect() as connection:
        with pytest.raises(OSError, match="boom"):
            client.export(connection.sql(query))
        assert client.export([["x"]], columns=["A"]).rows == 1
