"""Fixtures of the end-to-end tests: the service, foreign clients, and figures for the summary."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import go_client as go
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import ServiceProcess, running_service
from tests.e2e.tls import TlsService, running_tls_service

Measured = Callable[[str, str], None]

_FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was measured, whether or not the tests passed."""
    if config.stash[_FIGURES]:
        terminalreporter.section("measured figures")
        for line in config.stash[_FIGURES]:
            terminalreporter.write_line(line)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Note a figure for the summary at the run's end."""

    def note(name: str, figure: str) -> None:
        request.config.stash[_FIGURES].append(f"{name}: {figure}")

    return note


@pytest.fixture(scope="session")
def go_client() -> go.GoClient:
    """The built grpc-go client; where CI lacks Go, that is a failure."""
    missing = go.missing_tool()
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"the grpc-go client can't be built: {missing}")
        pytest.skip(f"the grpc-go client can't be built: {missing}")
    return go.build()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A service of the test's own, with the default settings."""
    with running_service(_new_folder(tmp_path / "data")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for all tests that leave it as they found it."""
    with running_service(tmp_path_factory.mktemp("shared-service")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_client(shared_service: ServiceProcess) -> Iterator[GrpcioClient]:
    """A grpcio client of the shared service."""
    with GrpcioClient.connect(shared_service.grpc) as client:
        yield client


@pytest.fixture(scope="session")
def tls_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsService]:
    """A service that speaks TLS only, shared by the tests of foreign clients."""
    with running_tls_service(tmp_path_factory.mktemp("tls-service")) as running:
        yield running


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path
