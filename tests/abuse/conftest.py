"""One service for the whole suite, and the figures of its attacks."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.machine import provenance
from tests.abuse.arena import Arena
from tests.abuse.scale import FULL, scaled
from tests.e2e.service_process import ServiceProcess, running_service
from tests.e2e.tls import TlsService, running_tls_service

IDLE_CONNECTIONS = 10_000
_FIGURES = pytest.StashKey[dict[str, dict[str, Any]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = {}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was measured; write it where the recipe says."""
    figures = config.stash[_FIGURES]
    if not figures:
        return
    terminalreporter.section("abuse")
    for name, values in figures.items():
        listed = ", ".join(f"{what} {value}" for what, value in values.items())
        terminalreporter.write_line(f"{name}: {listed}")
    path = os.environ.get("ROWFERRY_ABUSE_RESULTS")
    if path:
        scale = "full" if FULL else "a tenth"
        document = [{**provenance("pytest"), "scale": scale, "attacks": figures}]
        Path(path).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


@pytest.fixture(scope="session", autouse=True)
def _many_files() -> None:
    """Allow this process, and the services it starts, the connections of the largest attack."""
    wanted = scaled(IDLE_CONNECTIONS) + 2_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))


@contextmanager
def _running(folder: Path) -> Iterator[ServiceProcess]:
    most = scaled(IDLE_CONNECTIONS) + 1_000
    settings = {
        "server.max_connections": most,
        "server.max_connections_per_address": 0,
        # the default refuses files of more; here rows of attacks are to be bounded by it
        "spool.max_bytes_per_task": "64 MiB",
    }
    with running_service(folder, settings, measured=True) as service:
        yield service


@pytest.fixture(scope="session")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with _running(tmp_path_factory.mktemp("abused")) as service:
        yield service


@pytest.fixture
def arena(_service: ServiceProcess, request: pytest.FixtureRequest) -> Arena:
    return Arena(_service, request.config.stash[_FIGURES])


@pytest.fixture
def fresh_arena(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """A service that nobody has attacked: memory that it has had before hides no growth."""
    with _running(tmp_path) as service:
        yield Arena(service, request.config.stash[_FIGURES])


@pytest.fixture(scope="session")
def _tls_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsService]:
    with running_tls_service(tmp_path_factory.mktemp("abused-tls")) as service:
        yield service


@pytest.fixture
def tls_service(_tls_service: TlsService) -> TlsService:
    return _tls_service


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return request.config.stash[_FIGURES]
