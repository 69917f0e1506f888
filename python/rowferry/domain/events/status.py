"""What clients ask, watch, fetch and have done."""

from dataclasses import dataclass
from typing import ClassVar

from rowferry.domain.events.event import Event, Level, TaskEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusQueried(TaskEvent):
    """A client asked for a task's state."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "status"
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotFound(Event):
    """A client asked for a task that is not there, or not its own."""

    component: ClassVar[str] = "status"
    client: str
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherJoined(Event):
    """Somebody began to watch tasks."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "status"
    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherLeft(Event):
    """Somebody who watched tasks has gone, or was let go."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "status"
    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherStalled(Event):
    """Somebody who watches tasks took nothing for too long, and is let go."""

    component: ClassVar[str] = "status"
    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDownloaded(TaskEvent):
    """A link was opened: its file was sent, or the client was led to the storage for it."""

    component: ClassVar[str] = "status"
    sent_bytes: int
    redirected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCommandAnswered(Event):
    """A client had a task cancelled, tried again or deleted, or was refused that.

    ``outcome``: "ok", or the refusal's code.
    """

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "status"
    client: str
    task_id: str
    command: str
    outcome: str
