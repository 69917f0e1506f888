"""Observers: the one that logs every event, and the one that tells several others."""

import logging
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from rowferry.domain.errors import ErrorCode
from rowferry.domain.events import Event, Level
from rowferry.ports import Observer
from rowferry.telemetry.log_setup import LEVELS, ServiceLog

# Their messages end with the beginning of what was found in a row, which its sender may see only.
# What should be a CSV's header is a row where the header was forgotten.
_QUOTES_ROWS: Final = frozenset({ErrorCode.INVALID_ROW, ErrorCode.INVALID_METADATA})
_WHAT_WAS_FOUND: Final = ", not "
_LOG: Final = logging.getLogger(__name__)


class EventLog:
    """Logs events of ``level`` and louder; a quieter one costs a look-up and a comparison."""

    def __init__(self, log: ServiceLog, level: str) -> None:
        self._log = log
        self._threshold = LEVELS[Level(level)]

    def observe(self, event: Event) -> None:
        """Write the event's line: its class is its name, its fields are the line's fields."""
        level = LEVELS[event.level]
        if level >= self._threshold:
            kind = type(event)
            self._log.log(level, kind.__name__, component=event.component, **_line_fields(event))


class ObserverGroup:
    """Tells every observer of every event; one that fails is logged and does not stop the rest."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def observe(self, event: Event) -> None:
        """Pass the event on, in order."""
        for observer in self._observers:
            try:
                observer.observe(event)
            except Exception:  # noqa: BLE001  observers are not to be trusted with the caller
                _LOG.exception("An observer failed on %s.", type(event).__name__)


def _line_fields(event: Event) -> dict[str, Any]:
    """Give the fields of an event's line; what is not known ("") is left out."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    line = {name: value for name, value in values.items() if value != ""}
    if "error_code" in line:
        code, message = line.pop("error_code"), line.pop("message", "")
        if code in _QUOTES_ROWS:
            message = message.partition(_WHAT_WAS_FOUND)[0]
        error = {"code": code, "message": message}
        line["error"] = {name: value for name, value in error.items() if value}
    return line
