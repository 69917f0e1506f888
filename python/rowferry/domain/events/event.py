"""What every event is: a value, with how loud it is and which part of the service tells it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Level(StrEnum):
    """How loud an event is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in the service."""

    level: ClassVar[Level] = Level.INFO
    component: ClassVar[str] = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent(Event):
    """Something that happened to one task."""

    component: ClassVar[str] = "task"
    task_id: str
    request_id: str
    client: str
