"""The service answers as its OpenAPI document says, to requests that allow and forbid it."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.service_process import running_service

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_FOLDER = Path(__file__).parent / "openapi"
_PROVIDER = """
[[providers.sql_queries]]
name = "orders"
url = "sqlite:///{database}"
statement = "SELECT id, country FROM orders WHERE country = :country"
parameters.country = {{ type = "string" }}
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A service with the data provider that the document's example asks."""
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, country TEXT)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", [(1, "DE"), (2, "FR")])
    connection.close()
    path = tmp_path / "config.toml"
    path.write_text(_PROVIDER.format(database=database), encoding="utf-8")
    return path


@pytest.mark.timeout(400)
def test_generated_requests_are_answered_as_the_document_says(
    tmp_path: Path, configuration: Path
) -> None:
    serve = ("-m", "rowferry", "serve", "--config", str(configuration))
    folder = tmp_path / "data"
    folder.mkdir()
    with running_service(folder, arguments=serve) as service:
        asked = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"),
                f"--config-file={_FOLDER / 'schemathesis.toml'}",
                "run",
                f"http://{service.http}/openapi.json",
                "--max-examples=8",
                "--no-color",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(_FOLDER / "hooks.py")},
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr
        assert service.log.named("SystemError") == []
        assert service.process.poll() is None
