"""The programs of docs/python.md run as they stand."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

PAGE = Path(__file__).parents[2] / "docs/python.md"
DEFAULT_ADDRESS = "127.0.0.1:9090"
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_page_runs(service: ServiceProcess, tmp_path: Path, number: int) -> None:
    program = PROGRAMS[number]
    assert DEFAULT_ADDRESS in program
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace(DEFAULT_ADDRESS, service.grpc)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_has_programs() -> None:
    assert len(PROGRAMS) >= 7
