"""The service's log: one line an event, JSON or for the eye.

A JSON line has ``timestamp`` (ISO 8601, UTC, milliseconds), ``level``, ``component`` and ``event``
first, then the event's own fields: ``task_id``, ``request_id``, ``client``, ``…_seconds``,
``…_bytes``. A failure is ``error: {code, message, stack}``, of which it has what is known. Lines
of libraries are the event ``LibraryLog`` with a ``message``; their component is the logger's name.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import Level
from rowferry.telemetry.lean_structlog import structlog
from rowferry.telemetry.redaction import redacted

LogStyle = Literal["json", "console"]
ServiceLog = structlog.typing.FilteringBoundLogger
STDOUT: Final = "stdout"
LEVELS: Final = {
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.ERROR: logging.ERROR,
}
_Fields = MutableMapping[str, Any]


@contextmanager
def service_log(
    *, level: str = Level.INFO, style: LogStyle = "json", output: str = STDOUT
) -> Iterator[ServiceLog]:
    """Open the log, and route what libraries log into it, until the context ends.

    ``output`` is ``stdout`` or the path of a file to append to. Raises ``OSError`` for a file
    that can't be had.
    """
    with ExitStack() as stack:
        stream = _stdout() if output == STDOUT else stack.enter_context(_log_file(output))
        log = _json_log(stream, level) if style == "json" else _console_log(stream, level)
        stack.enter_context(_library_lines(log, level))
        yield log


def _json_log(stream: BinaryIO, level: str) -> ServiceLog:
    return _wrapped(structlog.BytesLogger(stream), level, _json_line)


def _console_log(stream: BinaryIO, level: str) -> ServiceLog:
    render = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )

    def console_line(logger: object, method: str, fields: _Fields) -> bytes:
        return render(logger, method, fields).encode(errors="replace")

    return _wrapped(structlog.BytesLogger(stream), level, console_line)


def _wrapped(
    logger: structlog.BytesLogger, level: str, render: structlog.typing.Processor
) -> ServiceLog:
    log: ServiceLog = structlog.wrap_logger(
        logger,
        processors=[_begin_line, _describe_error, _redact, render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[Level(level)]),
        cache_logger_on_first_use=True,
    ).bind()
    return log


def _begin_line(_logger: object, method: str, fields: _Fields) -> _Fields:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "timestamp": now,
        "level": method,
        "component": fields.pop("component", "service"),
        "event": fields.pop("event"),
        **fields,
    }


def _describe_error(_logger: object, _method: str, fields: _Fields) -> _Fields:
    error = fields.get("error")
    if isinstance(error, BaseException):
        fields["error"] = {
            "code": error.code if isinstance(error, RowferryError) else ErrorCode.INTERNAL,
            "message": str(error),
            "stack": "".join(traceback.format_exception(error)),
        }
    return fields


def _redact(_logger: object, _method: str, fields: _Fields) -> _Fields:
    return redacted(fields)  # type: ignore[no-any-return]


def _json_line(_logger: object, _method: str, fields: _Fields) -> bytes:
    return msgspec.json.encode(fields, enc_hook=str)


def _stdout() -> BinaryIO:
    return sys.stdout.buffer


def _log_file(path: str) -> BinaryIO:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return Path(path).open("ab")


class _LibraryHandler(logging.Handler):
    """Writes the records of the standard library's logging into the service's log."""

    def __init__(self, log: ServiceLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; the standard library's way out if even that fails."""
        try:
            fields: dict[str, Any] = {"component": record.name, "message": record.getMessage()}
            if record.exc_info and record.exc_info[1]:
                fields["error"] = record.exc_info[1]
            self._log.log(record.levelno, "LibraryLog", **fields)
        except Exception:  # noqa: BLE001  a log line must not end what it tells of
            self.handleError(record)


@contextmanager
def _library_lines(log: ServiceLog, level: str) -> Iterator[None]:
    """Take over the root logger: libraries from WARNING on, this package as configured."""
    root, own = logging.getLogger(), logging.getLogger("rowferry")
    before = (root.handlers[:], root.level, own.level)
    root.handlers[:] = [_LibraryHandler(log)]
    root.setLevel(logging.WARNING)
    own.setLevel(LEVELS[Level(level)])
    try:
        yield
    finally:
        root.handlers[:], root.level, own.level = before
