"""The service's log: one line an event, JSON or for the eye.

A JSON line has ``timestamp`` (ISO 8601, UTC, milliseconds), ``level``, ``component`` and ``event``
first, then the event's own fields: ``task_id``, ``request_id``, ``client``, ``…_seconds``,
``…_bytes``. A failure is ``error: {code, message, stack}``, of which it has what is known. Lines
of libraries are the event ``LibraryLog`` with a ``message``; their component is the logger's name.
What calls ``structlog.get_logger(name)`` writes into the same log, as the component ``name``.
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
from rowferry.telemetry.redaction import redacted
from rowferry.wire.lean_structlog import structlog

LogStyle = Literal["json", "console"]
ServiceLog = structlog.typing.FilteringBoundLogger
STDOUT: Final = "stdout"
_SERVICE: Final = "service"
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
        render = _json_line if style == "json" else _console_line(colours=stream.isatty())
        structlog.configure(
            processors=[_begin_line, _describe_error, _redact, render],
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS[Level(level)]),
            logger_factory=lambda name=_SERVICE: _ComponentLog(stream, name),
            cache_logger_on_first_use=False,  # loggers of modules outlive this log
        )
        stack.callback(structlog.reset_defaults)
        log: ServiceLog = structlog.get_logger(_SERVICE).bind()
        stack.enter_context(_library_lines(log, level))
        yield log


class _ComponentLog(structlog.BytesLogger):
    """Writes lines, and knows whose."""

    def __init__(self, stream: BinaryIO, component: str) -> None:
        super().__init__(stream)
        self.component = component


def _console_line(*, colours: bool) -> structlog.typing.Processor:
    render = structlog.dev.ConsoleRenderer(
        colors=colours, exception_formatter=structlog.dev.plain_traceback
    )

    def console_line(logger: object, method: str, fields: _Fields) -> bytes:
        return render(logger, method, fields).encode(errors="replace")

    return console_line


def _begin_line(logger: _ComponentLog, method: str, fields: _Fields) -> _Fields:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "timestamp": now,
        "level": method,
        "component": fields.pop("component", logger.component),
        "event": fields.pop("event"),
        **fields,
    }


def _describe_error(_logger: object, _method: str, fields: _Fields) -> _Fields:
    caught = fields.pop("exc_info", None)
    if caught:  # True = the exception that is being handled
        fields["error"] = caught if isinstance(caught, BaseException) else sys.exc_info()[1]
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
