"""Fixtures of the fault suite: folders with a past, and figures for the summary."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.data_directories import make_data_directory
from tests.faults.figures import Figures

EARLIER_TASKS = 1000
_FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was measured; write it where the recipe says."""
    lines = list(config.stash[_FIGURES].lines())
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
    path = os.environ.get("ROWFERRY_FAULTS_RESULTS")
    if path:
        config.stash[_FIGURES].write(Path(path))


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    """The notes of the whole run."""
    return request.config.stash[_FIGURES]


@pytest.fixture(scope="session")
def _past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data_directory(tmp_path_factory.mktemp("past") / "data", EARLIER_TASKS)


@pytest.fixture
def new_data_directory(_past: Path, tmp_path: Path) -> Callable[[], Path]:
    """Make a data directory with a thousand finished tasks."""

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(dir=tmp_path)) / "data"
        return Path(shutil.copytree(_past, folder))

    return make


@pytest.fixture
def data_directory(new_data_directory: Callable[[], Path]) -> Path:
    """A data directory with a thousand finished tasks."""
    return new_data_directory()
