"""The temporary file that rows become."""

from dataclasses import dataclass
from typing import ClassVar

from rowferry.domain.events.event import Level, TaskEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCreated(TaskEvent):
    """The temporary file of an attempt was created."""

    component: ClassVar[str] = "writer"
    format: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsWritten(TaskEvent):
    """Rows went into the file."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "writer"
    rows: int
    file_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinalized(TaskEvent):
    """The temporary file is whole."""

    component: ClassVar[str] = "writer"
    rows: int
    file_bytes: int
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TempFileDeleted(TaskEvent):
    """A temporary file was removed."""

    component: ClassVar[str] = "writer"
