"""Exports whose rows the service reads itself, asked for by the Python client."""

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from rowferry.client import Client, InvalidRequestError, Task, sync
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

SETTINGS: Final = """
[[providers.sql_queries]]
name = "numbers"
url = "sqlite:///{database}"
statement = "SELECT number FROM numbers WHERE number <= :last ORDER BY number"
parameters.last = {{ type = "integer" }}
columns = [{{ name = "Number", data_type = "NUMBER" }}]
"""
Create = Callable[..., Task]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("created")
    database = folder / "numbers.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE numbers (number INTEGER)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(1, 10)])
    (folder / "settings.toml").write_text(SETTINGS.format(database=database))
    arguments = ("-m", "rowferry", "serve", "--config", str(folder / "settings.toml"))
    with running_service(folder, arguments=arguments) as running:
        yield running


def create_blocking(address: str, *arguments: Any, **spec: Any) -> Task:  # noqa: ANN401
    with sync.Client(address) as client:
        return client.create(*arguments, **spec)


def create_on_trio(address: str, *arguments: Any, **spec: Any) -> Task:  # noqa: ANN401
    async def run() -> Task:
        async with Client(address) as client:
            return await client.create(*arguments, **spec)

    return trio.run(run)


@pytest.fixture(params=[create_blocking, create_on_trio])
def create(request: pytest.FixtureRequest, service: ServiceProcess) -> Create:
    return functools.partial(request.param, service.grpc)


def test_rows_of_a_provider_become_a_file(
    create: Create, service: ServiceProcess, tmp_path: Path
) -> None:
    task = create("numbers", parameters={"last": 3}, format="csv", filename="numbers.csv")
    with sync.Client(service.grpc) as client:
        result = client.wait(task.task_id)
        client.download(result, tmp_path / "numbers.csv")
    assert (result.rows, result.request_id) == (3, task.request_id)
    assert (tmp_path / "numbers.csv").read_bytes() == b"Number\r\n1\r\n2\r\n3\r\n"


def test_the_same_request_is_the_same_task(create: Create, request: pytest.FixtureRequest) -> None:
    again = functools.partial(
        create, "numbers", parameters={"last": 1}, request_id=f"again {request.node.name}"
    )
    assert again().task_id == again().task_id


def test_a_moment_is_waited_for(create: Create, service: ServiceProcess) -> None:
    run_at = datetime.now(UTC) + timedelta(days=1)
    task = create("numbers", parameters={"last": 1}, run_at=run_at)
    assert task.state == "scheduled"
    with sync.Client(service.grpc) as client:
        assert client.cancel(task.task_id).state == "cancelled"


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": "nobody"},
        {"provider": "numbers", "parameters": {"last": "three"}},
        {"provider": "numbers", "parameters": {"last": 1}, "run_at": datetime(2030, 1, 1)},  # noqa: DTZ001
    ],
    ids=["provider", "parameter", "moment"],
)
def test_what_can_not_be_created_is_refused(create: Create, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        create(**wrong)
    assert refused.value.context["field"]
