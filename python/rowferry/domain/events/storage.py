"""A file's way into storage, and what is removed from there."""

from dataclasses import dataclass
from typing import ClassVar

from rowferry.domain.events.event import Event, Level, TaskEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class OSSUploadStarted(TaskEvent):
    """A file's upload in parts began, or goes on after a restart with the parts that are there.

    Its name, and those of the next three, are for every storage that takes parts.
    """

    component: ClassVar[str] = "storage"
    storage: str
    object_key: str
    part_bytes: int
    parts_found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OSSPartUploaded(TaskEvent):
    """A part is in storage."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "storage"
    part_number: int
    size_bytes: int
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OSSUploadCompleted(TaskEvent):
    """The parts became the object."""

    component: ClassVar[str] = "storage"
    object_key: str
    file_bytes: int
    parts: int
    parts_while_writing: int
    duration_seconds: float  # from the end of the file on


@dataclass(frozen=True, slots=True, kw_only=True)
class OSSUploadFailed(TaskEvent):
    """A file did not get into storage in this attempt, whole or in parts."""

    level: ClassVar[Level] = Level.ERROR
    component: ClassVar[str] = "storage"
    storage: str
    object_key: str
    error_code: str
    storage_code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStored(TaskEvent):
    """The object is in storage."""

    component: ClassVar[str] = "storage"
    object_key: str
    file_bytes: int
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectTagsFailed(TaskEvent):
    """The object is in storage, but its tags could not be written."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "storage"
    object_key: str
    storage_code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCallRetried(Event):
    """A call of a storage failed and is made again: ``kind`` says what should help."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "storage"
    call: str
    kind: str
    storage_code: str
    message: str
    in_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAlert(Event):
    """Somebody has to look: the storage refuses, this machine's clock is off, files stay here."""

    level: ClassVar[Level] = Level.ERROR
    component: ClassVar[str] = "storage"
    kind: str
    storage_code: str
    message: str
    task_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRemoved(Event):
    """An ``upload`` or ``object`` that no task has recorded was removed from a storage."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "storage"
    storage: str
    object_key: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoversKept(Event):
    """What an attempt left in a storage could not be removed now: it is tried again later."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "storage"
    task_id: str
    object_key: str
    storage_code: str
    message: str
