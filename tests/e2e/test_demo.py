"""The demo ends with verified files, and says so when it can't."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def demo(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rowferry", "demo", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_files_are_verified_and_kept_with_the_data(tmp_path: Path) -> None:
    done = demo("--rows", 3000, "--keep", tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert [file["format"] for file in report["files"]] == ["xlsx", "csv"]
    assert all(file["cells"] == 3000 * 9 and file["rows"] == 3000 for file in report["files"])
    assert report["service_peak_bytes"] >= report["service_ready_bytes"] > 0
    rows = CalamineWorkbook.from_path(tmp_path / "demo.xlsx").get_sheet_by_index(0).to_python()
    assert len(rows) == 3001
    assert (tmp_path / "data" / "rowferry.db").exists()


def test_people_are_told_speed_memory_and_places(tmp_path: Path) -> None:
    done = demo("--rows", 1, "--keep", tmp_path)
    assert done.returncode == 0
    assert str(tmp_path / "demo.csv") in done.stdout
    assert "all 9 cells are as sent" in done.stdout
    assert "rows/s" in done.stdout
    assert "memory of the service" in done.stdout


def test_a_place_that_cannot_be_used_is_2(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = demo("--rows", 1, "--keep", tmp_path / "file")
    assert done.returncode == 2
    assert "USAGE" in done.stderr


def test_a_service_that_cannot_start_is_3_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "spool").touch()
    done = demo("--rows", 1, "--keep", tmp_path, "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (3, "UNREACHABLE")
    assert "did not start" in error["message"]


def test_an_interrupted_demo_leaves_no_service_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rowferry", "demo", "--rows", "100000000"]
    with subprocess.Popen(
        [*command, "--keep", str(tmp_path)], stderr=subprocess.DEVNULL, start_new_session=True
    ) as running:
        lock = tmp_path / "data" / "lock"
        while not lock.exists():
            os.sched_yield()
        running.send_signal(signal.SIGINT)
        assert running.wait(60) != 0
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # free: no service holds it
