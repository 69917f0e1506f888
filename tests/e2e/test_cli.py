"""The command line against the real service: answers, exit codes, one JSON object a line."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from rowferry.cli import main
from tests.e2e.service_process import ServiceProcess, running_service
from tests.e2e.tls import TlsService

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CSV = 'id,name,amount\n1,"a ""b""\nc",3.5\n2,漢字,\n'
COMMAND = [sys.executable, "-m", "rowferry"]


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left: its exit code and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


Rowferry = Callable[..., Ended]


@pytest.fixture
def rowferry(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Rowferry:
    """Run a command in this process; ``environment`` is set for it."""

    def run(*arguments: object, environment: Mapping[str, str] = MappingProxyType({})) -> Ended:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["rowferry", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


def in_process_of_its_own(
    *arguments: object, text: str = "", environment: Mapping[str, str] = MappingProxyType({})
) -> Ended:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def objects(done: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(CSV, "utf-8")
    return file


def test_a_file_becomes_a_workbook_of_its_name(
    rowferry: Rowferry, shared_service: ServiceProcess, csv_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.xlsx"
    done = rowferry(
        "export", csv_file, "--address", shared_service.grpc, "--output", output,
        "--column-types", "number,STRING, NUMBER",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 rows" in done.stdout
    rows = CalamineWorkbook.from_path(output).get_sheet_by_index(0).to_python()
    assert rows == [["id", "name", "amount"], [1.0, 'a "b"\nc', 3.5], [2.0, "漢字", ""]]
    (task,) = objects(rowferry("list", "--json", "--limit", 1, "--address", shared_service.grpc))
    assert task["filename"] == "people.xlsx"


def test_standard_input_becomes_a_csv_file(shared_service: ServiceProcess, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    done = in_process_of_its_own(
        "export", "-", "--format", "csv", "--output", output, "--json",
        "--address", shared_service.grpc, text=CSV,
    )  # fmt: skip
    (result,) = objects(done)
    assert (done.returncode, result["status"], result["record_count"]) == (0, "COMPLETED", 2)
    assert output.read_text("utf-8") == CSV


def test_an_export_that_was_cut_off_goes_on_when_it_is_repeated(
    rowferry: Rowferry, service: ServiceProcess, csv_file: Path
) -> None:
    text = "a,b\n" + "".join(f"{number},x\n" for number in range(200_000))
    csv_file.write_text(text)
    at = ("--address", service.grpc, "--request-id", "again", "--filename", "x", "--format", "csv")
    with subprocess.Popen([*COMMAND, "export", "-", *at], stdin=subprocess.PIPE, text=True) as cut:
        assert cut.stdin is not None
        cut.stdin.write(text[: len(text) // 2])
        cut.stdin.flush()
        service.log.wait_for("TaskCreated")
        while not (half := objects(rowferry("list", "--json", *at[:2])))[0]["rows_received"]:
            pass
        cut.kill()
        cut.stdin.close()
    (result,) = objects(rowferry("export", csv_file, "--json", *at))
    assert (result["status"], result["record_count"]) == ("COMPLETED", 200_000)
    assert result["task_id"] == half[0]["task_id"]


def test_the_same_request_again_gives_the_same_task(
    rowferry: Rowferry, shared_service: ServiceProcess, csv_file: Path
) -> None:
    arguments = ("export", csv_file, "--json", "--address", shared_service.grpc)
    first, second = (objects(rowferry(*arguments, "--request-id", "again")) for _ in range(2))
    assert first[0]["task_id"] == second[0]["task_id"]


def test_a_task_can_be_asked_for_listed_and_watched(
    rowferry: Rowferry, shared_service: ServiceProcess, csv_file: Path
) -> None:
    at = ("--address", shared_service.grpc)
    (result,) = objects(rowferry("export", csv_file, "--json", *at))
    task_id = result["task_id"]
    (status,) = objects(rowferry("status", task_id, "--json", *at))
    assert (status["status"], status["records_processed"]) == ("COMPLETED", 2)
    assert f"task_id                   {task_id}\n" in rowferry("status", task_id, *at).stdout
    assert task_id in rowferry("list", *at).stdout
    (newest,) = objects(rowferry("list", "--limit", 1, "--state", "completed", "--json", *at))
    assert newest["task_id"] == task_id
    watched = rowferry("watch", task_id, "--json", *at)
    assert (watched.returncode, objects(watched)[-1]["status"]) == (0, "COMPLETED")
    assert "COMPLETED" in rowferry("watch", task_id, *at).stdout


def test_a_list_goes_on_past_a_page(
    rowferry: Rowferry,
    shared_service: ServiceProcess,
    csv_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rowferry.cli.tasks.MAX_PAGE_SIZE", 1)
    at = ("--address", shared_service.grpc)
    for _ in range(3):
        assert rowferry("export", csv_file, *at).returncode == 0
    listed = [task["task_id"] for task in objects(rowferry("list", "--limit", 3, "--json", *at))]
    assert len(set(listed)) == 3
    assert listed == sorted(listed, reverse=True)


def test_a_cancelled_export_ends_with_1_for_all_who_wait(
    rowferry: Rowferry, service: ServiceProcess
) -> None:
    at = ("--address", service.grpc)
    with subprocess.Popen(
        [*COMMAND, "export", "-", *at], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as export:
        assert export.stdin is not None
        export.stdin.write("a\n" + "x\n" * 200_000)
        export.stdin.flush()
        task_id = service.log.wait_for("TaskCreated")["task_id"]
        with subprocess.Popen(
            [*COMMAND, "watch", task_id, "--json", *at], stdout=subprocess.PIPE, text=True
        ) as watch:
            assert watch.stdout is not None
            assert json.loads(watch.stdout.readline())["task_id"] == task_id
            cancelled = rowferry("cancel", task_id, "--reason", "enough", "--json", *at)
            assert objects(cancelled)[0]["cancel_reason"] == "enough"
            last = watch.stdout.readlines()[-1]
        _, message = export.communicate()
    assert json.loads(last)["status"] == "CANCELLED"
    assert (export.returncode, watch.returncode) == (1, 1)
    assert "CANCELLED" in message


def test_a_refused_row_is_told_with_its_place(
    rowferry: Rowferry, csv_file: Path, shared_service: ServiceProcess
) -> None:
    csv_file.write_text("a,b\n1,2\n3\n")
    done = rowferry("export", csv_file, "--address", shared_service.grpc)
    assert done.returncode == 1
    assert "INVALID_ROW" in done.stderr
    assert "row: 2" in done.stderr


def test_an_open_quote_is_refused_before_it_is_sent(
    rowferry: Rowferry, csv_file: Path, shared_service: ServiceProcess
) -> None:
    csv_file.write_text('a\n"x\n')
    done = rowferry("export", csv_file, "--json", "--address", shared_service.grpc)
    (error,) = objects(done)
    assert (done.returncode, error["error"]["code"]) == (1, "INVALID_ROW")


def test_an_unknown_task_is_1_and_json_stays_json(
    rowferry: Rowferry, shared_service: ServiceProcess
) -> None:
    done = rowferry("status", "nope", "--json", "--address", shared_service.grpc)
    (error,) = objects(done)
    assert (done.returncode, done.stderr) == (1, "")
    assert error["error"]["code"] == "NOT_FOUND"
    assert error["error"]["context"]["task_id"] == "nope"


WRONG = [
    (["export", "none.csv"], "No such file"),
    (["export", "/dev/null"], "input is empty"),
    (["export", "/dev/null", "--format", "pdf"], "--format is xlsx or csv"),
    (["list", "--state", "done"], "no state"),
    (["list", "--address", "a b/c"], "no address"),
    (["list", "--tls-ca", "none.pem"], "none.pem"),
    (["list", "--limit", "0"], "limit"),
    (["nothing"], "nothing"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_usage_is_2(
    rowferry: Rowferry, shared_service: ServiceProcess, arguments: list[str], message: str
) -> None:
    done = rowferry(*arguments, environment={"ROWFERRY_ADDRESS": shared_service.grpc})
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("types", "message"), [("NUMBER", "names 1"), ("NUMBER,TEXT,DATE", "no column type")]
)
def test_wrong_column_types_are_2(
    rowferry: Rowferry, csv_file: Path, shared_service: ServiceProcess, types: str, message: str
) -> None:
    done = rowferry("export", csv_file, "--column-types", types, "--address", shared_service.grpc)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_place_that_cannot_be_written_is_2(
    rowferry: Rowferry, shared_service: ServiceProcess, csv_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "none" / "out.xlsx"
    done = rowferry("export", csv_file, "--output", output, "--address", shared_service.grpc)
    assert (done.returncode, "No such file" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", [["list"], ["status", "x"], ["watch", "x"], ["cancel", "x"]])
def test_nobody_there_is_3(rowferry: Rowferry, command: list[str]) -> None:
    done = rowferry(*command, "--address", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "UNREACHABLE" in done.stderr


def test_a_secured_service_is_used_with_its_authority(
    rowferry: Rowferry, tls_service: TlsService, csv_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    at = ("--address", tls_service.service.grpc, "--tls-ca", tls_service.ca_path)
    done = rowferry("export", csv_file, "--format", "csv", "--output", output, *at)
    assert (done.returncode, output.exists()) == (0, True)
    untrusted = rowferry("list", "--address", f"https://{tls_service.service.grpc}")
    assert (untrusted.returncode, "CERTIFICATE_VERIFY_FAILED" in untrusted.stderr) == (3, True)


def test_progress_is_drawn_on_a_terminal_only(
    shared_service: ServiceProcess, csv_file: Path
) -> None:
    near, far = pty.openpty()
    arguments = [*COMMAND, "export", str(csv_file), "--address", shared_service.grpc]
    environment = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(
        arguments, stderr=far, check=True, stdout=subprocess.PIPE, env=environment
    )
    os.close(far)
    drawn = _all_of(near)
    assert b"2 rows kept" in drawn
    assert b"\x1b[" in drawn
    assert b"\x1b[" not in done.stdout


def _all_of(terminal: int) -> bytes:
    """Read what was written to a terminal that nobody has open any more; closes it."""
    drawn = b""
    with os.fdopen(terminal, "rb", buffering=0) as near, suppress(OSError):  # EIO is its end
        while piece := near.read(4096):
            drawn += piece
    return drawn


def test_settings_are_checked_and_shown(rowferry: Rowferry, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[server]\nport = 7001\n[security]\nlink_secret = "0123456789abcdef"\n')
    shown = rowferry("check-config", "--config", file)
    assert "server.port = 7001\n" in shown.stdout
    assert "0123456789abcdef" not in shown.stdout
    (settings,) = objects(rowferry("check-config", "--config", file, "--json"))
    assert settings["server.port"] == 7001


@pytest.mark.parametrize("command", ["check-config", "serve", "migrate"])
def test_wrong_settings_are_2_for_every_command_that_reads_them(
    rowferry: Rowferry, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[server]\nport = 70000\nprt = 1\n")
    done = rowferry(command, "--config", file)
    assert done.returncode == 2
    assert "server.port" in done.stderr
    assert "server.prt" in done.stderr


def test_a_second_service_on_the_same_data_is_2(service: ServiceProcess) -> None:
    environment = {"ROWFERRY__SERVER__DATA_DIRECTORY": str(service.data_directory)}
    # `serve` becomes the service: in this process it would be the end of the tests
    done = in_process_of_its_own("serve", environment=environment)
    assert (done.returncode, "another service" in done.stderr) == (2, True)


def test_a_database_is_made_ahead_of_the_service(rowferry: Rowferry, tmp_path: Path) -> None:
    environment = {"ROWFERRY__SERVER__DATA_DIRECTORY": str(tmp_path / "data")}
    assert "has schema" in rowferry("migrate", environment=environment).stdout
    (answer,) = objects(rowferry("migrate", "--json", environment=environment))
    assert (tmp_path / "data" / "rowferry.db").exists()
    assert answer["schema"]
    with running_service(tmp_path / "data") as running:
        assert running.stop() == 0


def test_a_database_that_cannot_be_made_is_2(rowferry: Rowferry, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {"ROWFERRY__SERVER__DATA_DIRECTORY": str(tmp_path / "file" / "data")}
    assert rowferry("migrate", environment=environment).returncode == 2
    (tmp_path / "broken.db").write_text("no database " * 100)
    url = f"sqlite:///{tmp_path}/broken.db"
    done = rowferry("migrate", "--json", environment={"ROWFERRY__TASK_STORE__URL": url})
    (error,) = objects(done)
    assert (done.returncode, "code" in error["error"]) == (2, True)


def test_help_names_every_command_and_loads_little(rowferry: Rowferry) -> None:
    done = rowferry("--help")
    for command in (
        "serve", "demo", "export", "status", "list", "watch", "cancel", "retry", "delete",
        "check-config", "migrate",
    ):  # fmt: skip
        assert f"  {command} " in done.stdout
    assert rowferry("--version").stdout.startswith("rowferry ")
    probe = "import sys, rowferry.cli; sys.exit(bool({'trio', 'rich', 'h2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
