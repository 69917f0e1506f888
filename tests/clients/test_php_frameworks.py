"""The PHP client inside Debian's Laravel and Symfony, and its examples, with a real service."""

import re
import shutil
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.php_transport import PHP_CLIENT, TRANSPORTS
from tests.e2e.exported_files import download
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]
_CURL: Final = TRANSPORTS["curl"]
_EXAMPLES: Final = PHP_CLIENT / "examples"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("php-frameworks")) as running:
        yield running


def _run(service: ServiceProcess, *arguments: object) -> str:
    completed = _CURL.run(arguments, service.grpc)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.mark.parametrize("framework", ["laravel", "symfony"])
def test_the_adapter_works_inside_its_framework(framework: str, service: ServiceProcess) -> None:
    phpunit = shutil.which("phpunit")
    assert phpunit is not None, "phpunit is missing: apt-get install phpunit"
    assert "OK (" in _run(service, phpunit, "-c", PHP_CLIENT / framework)


def test_the_plain_example_exports(service: ServiceProcess, tmp_path: Path) -> None:
    said = _run(service, _EXAMPLES / "plain.php")
    assert "100000 rows" in said
    path = tmp_path / "orders.xlsx"
    download(said.splitlines()[-1], path)
    assert path.read_bytes()[:2] == b"PK"


def test_the_example_of_a_query_holds_little_of_its_result(
    service: ServiceProcess, tmp_path: Path
) -> None:
    database = tmp_path / "shop.sqlite"
    _make_orders(database, 100_000)
    said = _run(service, _EXAMPLES / "query.php", f"sqlite:{database}", "SELECT * FROM orders")
    found = re.match(r"100000 rows, ([\d.]+) MiB", said)
    assert found is not None, said
    assert float(found[1]) < 16
    with urllib.request.urlopen(said.splitlines()[-1]) as answer:  # noqa: S310  the service's link
        assert answer.read(2) == b"PK"


def _make_orders(path: Path, count: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (id INTEGER, customer TEXT, amount REAL)")
        database.executemany(
            "INSERT INTO orders VALUES (?, ?, ?)",
            ((number, f"客户 {number}", number / 4) for number in range(count)),
        )
    database.close()
