"""The client is a small thing to import."""

import subprocess
import sys

HEAVY = [
    "rowferry.composition",
    "rowferry.domain",
    "rowferry.export",
    "rowferry.wire",
    "rowferry.config_groups",
    "rowferry._core",
    "sqlalchemy",
    "quart",
    "quart_trio",
    "hypercorn",
    "structlog",
    "pyarrow",
    "grpclib",
    "alembic",
    "oss2",
    "requests",
    "rich",
    "typer",
    "prometheus_client",
]


def test_neither_the_service_nor_its_libraries_are_imported() -> None:
    code = "import sys, rowferry.client, rowferry.client.sync; print(*sys.modules)"
    loaded = subprocess.run(  # noqa: S603  this interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "rowferry.client.sync" in loaded
    assert [name for name in HEAVY if name in loaded] == []
