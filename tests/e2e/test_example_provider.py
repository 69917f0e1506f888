"""The example of a data provider: installed as users install theirs, and found by the service."""

import csv
import io
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.service_process import ServiceProcess, running_service, service_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "provider"
SIZE = 300


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed example, which no other test sees."""
    target = tmp_path_factory.mktemp("packages")
    uv = Path(sys.executable).with_name("uv")
    options = ("--offline", "--no-deps", "--target", str(target))
    install = [str(uv), "pip", "install", *options, str(EXAMPLE)]
    subprocess.run(install, check=True, capture_output=True)
    return target


def _call(service: ServiceProcess, path: str, document: object = None) -> Any:  # noqa: ANN401
    request = urllib.request.Request(
        f"http://{service.http}{path}",
        data=None if document is None else json.dumps(document).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": "tables"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def test_installed_provider_s_rows_become_a_file(tmp_path: Path, packages: Path) -> None:
    order = {
        "metadata": {"format": "CSV", "filename": "tables"},
        "provider": "times_table",
        "parameters": {"size": SIZE},
    }
    with running_service(tmp_path, packages=packages) as service:
        task = _call(service, "/v1/exports", order)
        service.log.wait_for("TaskCompleted", task["task_id"])
        done = _call(service, f"/v1/exports/{task['task_id']}")
        with urllib.request.urlopen(done["oss_url"], timeout=20) as answer:  # noqa: S310
            rows = list(csv.reader(io.StringIO(answer.read().decode(), newline="")))
    assert (done["status"], done["records_processed"]) == ("COMPLETED", SIZE**2)
    numbers = range(1, SIZE + 1)
    expected = [[str(a), str(b), str(a * b)] for a in numbers for b in numbers]
    assert rows == [["a", "b", "a x b"], *expected]


def test_class_of_the_example_is_as_short_as_promised() -> None:
    source = (EXAMPLE / "src" / "rowferry_example" / "__init__.py").read_text("utf-8")
    _, _, body = source.partition("class ")
    assert body.count("\n") < 30


def test_provider_that_can_not_be_loaded_ends_the_start_in_one_line(tmp_path: Path) -> None:
    information = tmp_path / "packages" / "shop-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[rowferry.providers]\nshop = shop:Orders\n")
    environment = service_environment(tmp_path, packages=information.parent)
    done = subprocess.run(
        [sys.executable, "-m", "rowferry", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "'shop'" in line
    assert "No module named 'shop'" in line
