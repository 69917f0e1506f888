"""The log as a reader of its file sees it."""

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from rowferry.domain import events
from rowferry.domain.errors import ErrorClass, ErrorCode, RowferryError
from rowferry.domain.events import Event
from rowferry.telemetry.event_log import EventLog, ObserverGroup
from rowferry.telemetry.log_setup import ServiceLog, service_log

NAMES = {"task_id": "t-1", "request_id": "r-1", "client": "default"}
QUEUED = events.TaskQueued(**NAMES, queue_depth=3)
BATCH = events.BatchReceived(**NAMES, batch_sequence=1, batches=1, rows=10, payload_bytes=99)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "rowferry.log"


@pytest.fixture
def log(output: Path) -> Iterator[ServiceLog]:
    with service_log(level="info", output=str(output)) as log:
        yield log


def lines(output: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in output.read_bytes().splitlines()]


def test_event_is_one_json_line_under_its_name(log: ServiceLog, output: Path) -> None:
    EventLog(log, "info").observe(QUEUED)
    (line,) = lines(output)
    assert list(line)[:4] == ["timestamp", "level", "component", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "component": "task",
        "event": "TaskQueued",
        "queue_depth": 3,
        **NAMES,
    }


def test_event_quieter_than_the_level_is_not_written(log: ServiceLog, output: Path) -> None:
    EventLog(log, "info").observe(BATCH)
    assert lines(output) == []


def test_debug_level_writes_everything(output: Path) -> None:
    with service_log(level="debug", output=str(output)) as log:
        EventLog(log, "debug").observe(BATCH)
    assert lines(output)[0]["event"] == "BatchReceived"


def test_failed_task_has_its_error_in_one_place(log: ServiceLog, output: Path) -> None:
    event = events.TaskFailed(
        **NAMES,
        error_code=ErrorCode.DISK_FULL,
        error_class=ErrorClass.WRITE,
        message="No room.",
        rows_received=5,
        rows_written=3,
    )
    EventLog(log, "info").observe(event)
    (line,) = lines(output)
    assert line["level"] == "error"
    assert line["error"] == {"code": "DISK_FULL", "message": "No room."}
    assert (line["error_class"], line["rows_written"]) == ("write", 3)


def test_system_error_is_logged_with_its_whole_stack(log: ServiceLog, output: Path) -> None:
    error = RowferryError(ErrorCode.STORAGE_UNAVAILABLE, "The storage is away.")
    error.__cause__ = OSError(5, "Input/output error")
    EventLog(log, "info").observe(events.SystemError(error=error, where="upload"))
    (line,) = lines(output)
    assert line["error"]["code"] == "STORAGE_UNAVAILABLE"
    assert line["error"]["message"] == "The storage is away."
    assert "Input/output error" in line["error"]["stack"]
    assert "task_id" not in line


def test_any_other_exception_is_internal(log: ServiceLog, output: Path) -> None:
    EventLog(log, "info").observe(events.SystemError(error=ValueError("x"), where="upload"))
    assert lines(output)[0]["error"]["code"] == "INTERNAL"


def test_lines_of_libraries_come_out_in_the_same_form(log: ServiceLog, output: Path) -> None:
    assert log is not None
    logging.getLogger("alembic.runtime").info("too quiet to be of interest")
    logging.getLogger("hypercorn.error").warning("%s connections", 7)
    logging.getLogger("rowferry.http").info("our own")
    first, second = lines(output)
    assert (first["event"], first["component"]) == ("LibraryLog", "hypercorn.error")
    assert (first["level"], first["message"]) == ("warning", "7 connections")
    assert second["message"] == "our own"


def test_exception_logged_by_a_library_has_its_stack(log: ServiceLog, output: Path) -> None:
    assert log is not None
    logging.getLogger("library").error("It failed.", exc_info=ValueError("broken"))
    (line,) = lines(output)
    assert line["message"] == "It failed."
    assert "ValueError: broken" in line["error"]["stack"]


def test_named_loggers_write_into_the_same_log(output: Path) -> None:
    module_log = structlog.get_logger("rowferry.wire.grpc_call")
    for _ in range(2):
        with service_log(output=str(output)):
            module_log.debug("TooQuiet")
            module_log.warning("GrpcConnectionRefused", connections=3, link_secret="s3cr3t")  # noqa: S106
    line = lines(output)[1]
    assert len(lines(output)) == 2
    assert (line["component"], line["event"]) == (
        "rowferry.wire.grpc_call",
        "GrpcConnectionRefused",
    )
    assert (line["connections"], line["link_secret"]) == (3, "[redacted]")


def test_named_loggers_tell_of_exceptions_as_events_do(log: ServiceLog, output: Path) -> None:
    assert log is not None
    module_log = structlog.get_logger("door")
    module_log.error("CallFailed", exc_info=ValueError("given"))
    try:
        int("x")
    except ValueError:
        module_log.exception("CallFailed")
    given, caught = lines(output)
    assert given["error"]["message"] == "given"
    assert "invalid literal" in caught["error"]["stack"]
    assert "exc_info" not in caught


def test_library_line_that_can_not_be_written_does_not_raise(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with service_log(output=str(output)):
        logging.getLogger("library").warning("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_logging_is_as_before_when_the_log_closes(output: Path) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("rowferry").level)
    with service_log(level="debug", output=str(output)):
        assert root.handlers != before[0]
    assert (root.handlers, root.level, logging.getLogger("rowferry").level) == before


@pytest.mark.parametrize(
    "secret",
    [
        {"link_secret": "s3cr3t"},
        {"Authorization": "s3cr3t"},
        {"headers": {"authorization": "Bearer s3cr3t"}},
        {"settings": [{"password": "s3cr3t"}]},
        {"url": "https://files.example/d/ab12.s3cr3t.x-_y"},
        {"message": "GET /d/s3cr3t?x=1 and /d/s3cr3t"},
        {"message": "authorization: Bearer rfy_s3cr3t"},
        {"error": ValueError("for https://files.example/d/s3cr3t")},
    ],
)
def test_secrets_and_links_never_reach_the_log(
    log: ServiceLog, output: Path, secret: dict[str, Any]
) -> None:
    log.info("Something", **secret, harmless="kept")
    text = output.read_text("utf-8")
    assert "s3cr3t" not in text
    assert "kept" in text


def test_token_in_the_place_of_a_name_is_masked(log: ServiceLog, output: Path) -> None:
    event = events.StatusNotFound(client="shop", task_id="rfy_" + 49 * "a")
    EventLog(log, "info").observe(event)
    (line,) = lines(output)
    assert line["task_id"] == "rfy_…"


def test_what_was_found_in_a_row_is_not_logged(log: ServiceLog, output: Path) -> None:
    event = events.ValidationError(
        client="shop",
        error_code=ErrorCode.INVALID_ROW,
        message="row 7, column 2 must be a number, not 'Ann, not Bob'.",
    )
    EventLog(log, "info").observe(event)
    (line,) = lines(output)
    assert line["error"] == {
        "code": "INVALID_ROW",
        "message": "row 7, column 2 must be a number",
    }


def test_row_in_the_place_of_a_header_is_not_logged(log: ServiceLog, output: Path) -> None:
    event = events.ValidationError(
        client="shop",
        error_code=ErrorCode.INVALID_METADATA,
        message="header must be names or keys of the export's columns, each once, not 'Ann'.",
    )
    EventLog(log, "info").observe(event)
    (line,) = lines(output)
    assert "Ann" not in line["error"]["message"]
    assert line["error"]["message"].startswith("header must be names")


def test_masked_link_still_shows_that_it_was_one(log: ServiceLog, output: Path) -> None:
    log.info("Something", url="https://files.example/d/ab12.cd?x")
    assert lines(output)[0]["url"] == "https://files.example/d/…?x"


def test_log_file_is_appended_to(output: Path) -> None:
    for _ in range(2):
        with service_log(output=str(output)) as log:
            log.info("Something")
    assert len(lines(output)) == 2


def test_standard_output_is_the_default(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with service_log() as log:
        log.info("Something", count=1)
    assert msgspec.json.decode(capfdbinary.readouterr().out)["count"] == 1


def test_console_style_is_for_the_eye_and_colourless_in_a_file(output: Path) -> None:
    with service_log(style="console", output=str(output)) as log:
        EventLog(log, "info").observe(QUEUED)
        EventLog(log, "info").observe(events.SystemError(error=ValueError("x"), where="y"))
    text = output.read_text("utf-8")
    assert "TaskQueued" in text
    assert "queue_depth=3" in text
    assert "ValueError: x" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("first", ["sys", "rich"])
def test_structlog_comes_without_rich_and_leaves_it_to_others(first: str) -> None:
    program = (
        f"import {first}, sys; before = sys.modules.get('rich');"
        "import rowferry.telemetry.log_setup;"
        "assert sys.modules.get('rich') is before;"
        "assert 'rich.traceback' not in sys.modules; import rich.traceback"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603  our own text


@dataclass
class Recorder:
    events: list[Event]

    def observe(self, event: Event) -> None:
        self.events.append(event)


class Failing:
    def observe(self, event: Event) -> None:
        raise RuntimeError(f"can't take {type(event).__name__}")


def test_group_tells_everybody_in_order() -> None:
    told: list[Event] = []
    ObserverGroup([Recorder(told), Recorder(told)]).observe(QUEUED)
    assert told == [QUEUED, QUEUED]


def test_failing_observer_is_logged_and_stops_nobody(log: ServiceLog, output: Path) -> None:
    assert log is not None
    told: list[Event] = []
    ObserverGroup([Failing(), Recorder(told)]).observe(QUEUED)
    assert told == [QUEUED]
    (line,) = lines(output)
    assert "TaskQueued" in line["message"]
    assert "can't take TaskQueued" in line["error"]["message"]
