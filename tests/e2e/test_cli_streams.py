"""What surrounds a command: pipes, closed streams, full disks, files that change, Ctrl+C."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service_process import ServiceProcess

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

COMMAND = [sys.executable, "-m", "rowferry"]


def shell(service: ServiceProcess, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``rowferry`` talks to the service."""
    environment = {**os.environ, "ROWFERRY_ADDRESS": service.grpc}
    script = f'rowferry() {{ {shlex.join(COMMAND)} "$@"; }}; set -o pipefail; {line}'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n")
    return file


def test_a_reader_that_leaves_is_no_traceback(
    shared_service: ServiceProcess, csv_file: Path
) -> None:
    for line in (f"rowferry export {csv_file} | head -1", "rowferry list --json | true"):
        done = shell(shared_service, line)
        assert (done.returncode in {0, 1}, done.stderr) == (True, "")


@pytest.mark.parametrize("options", ["", "--json"])
def test_an_output_that_is_full_is_told(
    shared_service: ServiceProcess, csv_file: Path, options: str
) -> None:
    done = shell(shared_service, f"rowferry export {csv_file} {options} >/dev/full")
    assert done.returncode == 1
    assert done.stderr == "rowferry: OUTPUT: stdout can't be written: No space left on device\n"


def test_a_list_that_can_not_be_written_is_told(shared_service: ServiceProcess) -> None:
    done = shell(shared_service, "rowferry list >/dev/full")
    assert done.returncode == 1
    assert done.stderr == "rowferry: OUTPUT: stdout can't be written: No space left on device\n"


def test_names_of_any_bytes_are_files_and_no_arguments_for_the_service(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    file, out = rf"{tmp_path}/$'\xe9.csv'", rf"{tmp_path}/$'\xe8.csv'"
    assert shell(shared_service, rf"printf 'a\n1\n' >{file}").returncode == 0
    command = f"rowferry export {file} --format csv --output {out}"
    for encoding in ("ascii", "utf-8"):
        done = shell(shared_service, f"PYTHONIOENCODING={encoding} {command}")
        assert (done.returncode, done.stderr) == (0, "")
        done = shell(shared_service, f"PYTHONIOENCODING={encoding} {command} --json")
        assert os.fsencode(json.loads(done.stdout)["output"]).endswith(b"\xe8.csv")
    for wrong in (r"status $'\xe9'", rf"export {file} --filename $'\xe9'"):
        done = shell(shared_service, f"rowferry {wrong} --json")
        assert (done.returncode, done.stderr) == (2, "")
        assert json.loads(done.stdout)["error"]["message"] == r"'\udce9' is not UTF-8."


def test_streams_that_are_closed_are_silent(
    shared_service: ServiceProcess, csv_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    done = shell(
        shared_service, f"rowferry export {csv_file} --format csv --output {out} <&- >&- 2>&-"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_bytes() == b"a,b\r\n1,2\r\n"
    assert shell(shared_service, "rowferry export none.csv 2>&-").returncode == 2


def test_a_standard_input_that_is_closed_is_an_empty_one(shared_service: ServiceProcess) -> None:
    done = shell(shared_service, "rowferry export - <&-")
    assert (done.returncode, "input is empty" in done.stderr) == (2, True)


def test_a_pipe_by_name_is_an_input_and_a_refused_row_of_it_is_told(
    shared_service: ServiceProcess,
) -> None:
    done = shell(shared_service, r"rowferry export <(printf 'a,b\n1,2\n') --format csv --json")
    assert json.loads(done.stdout)["record_count"] == 1
    refused = shell(shared_service, r"rowferry export <(printf 'a,b\n1\n') --format csv --json")
    error = json.loads(refused.stdout)["error"]
    assert (error["code"], error["context"]["row"]) == ("INVALID_ROW", "1")
    assert "line" not in error["context"]


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    os.mkfifo(tmp_path / "rows.csv")
    yield tmp_path / "rows.csv"
    (tmp_path / "rows.csv").unlink()


def test_ctrl_c_ends_the_wait_for_a_pipe_by_name(service: ServiceProcess, pipe: Path) -> None:
    at = ("--address", service.grpc)
    with (
        subprocess.Popen(
            [*COMMAND, "export", str(pipe), "--json", *at], stdout=subprocess.PIPE
        ) as export,
        pipe.open("wb", buffering=0) as writer,
    ):
        writer.write(b"a,b\n1,2\n")
        service.log.wait_for("TaskCreated")
        export.send_signal(signal.SIGINT)
        output, _ = export.communicate(timeout=20)
    assert (export.returncode, json.loads(output)["error"]["code"]) == (130, "INTERRUPTED")
