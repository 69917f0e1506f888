"""What happens, as values: the log, the metrics and the progress feed are observers of these.

The class's name is the event's name in the log. Each field of an event is a field of its log
line; none ever holds a cell's value, a token or a signed link.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from rowferry.domain.errors import ErrorClass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCreated(TaskEvent):
    """A request was accepted and stored."""

    format: str
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQueued(TaskEvent):
    """A task waits for a slot: as one of so many, itself counted."""

    queue_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDequeued(TaskEvent):
    """A task got its slot."""

    waited_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(TaskEvent):
    """The writing of an attempt began."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskParked(TaskEvent):
    """A task whose rows stopped coming gave its slot back."""

    level: ClassVar[Level] = Level.DEBUG
    rows_written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted(TaskEvent):
    """The file is stored and its link works."""

    format: str
    rows: int
    file_bytes: int
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(TaskEvent):
    """A task ended without a file."""

    level: ClassVar[Level] = Level.ERROR
    error_code: str
    error_class: ErrorClass
    message: str
    rows_received: int
    rows_written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetryScheduled(TaskEvent):
    """An attempt failed, and the task will be tried again."""

    level: ClassVar[Level] = Level.WARNING
    error_code: str
    error_class: ErrorClass
    message: str
    attempt: int
    in_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequeued(TaskEvent):
    """A failed or scheduled task waits for a slot; its next attempt has this number."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReopened(TaskEvent):
    """A task that had failed takes rows again, or is tried again, from the rows that were kept."""

    rows_received: int
    rows_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLost(TaskEvent):
    """Somebody else took a task over that this process worked on; its work was stopped."""

    level: ClassVar[Level] = Level.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskExpired(TaskEvent):
    """The time of a file is over: it was removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDeleted(TaskEvent):
    """A task's file and rows were removed on request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCancelled(TaskEvent):
    """A task was cancelled on request."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCheckpointed(TaskEvent):
    """The service stops: the task goes back to the queue, its rows stay in the spool."""

    rows_received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecovered(TaskEvent):
    """A task of an earlier run of the service was found with its rows."""

    rows_received: int
    rows_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsOfNoTask(Event):
    """A log has rows of a task that is not known, or not this node's: it stays where it is."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "task"
    task_id: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReceived(TaskEvent):
    """Batches were appended to the task's log, and may be acknowledged."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "ingest"
    batch_sequence: int
    batches: int
    rows: int
    payload_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsWritten(TaskEvent):
    """Rows went into the file."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "writer"
    rows: int
    file_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCreated(TaskEvent):
    """The temporary file of an attempt was created."""

    component: ClassVar[str] = "writer"
    format: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinalized(TaskEvent):
    """The temporary file is whole."""

    component: ClassVar[str] = "writer"
    rows: int
    file_bytes: int
    duration_seconds: float


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
class ObjectTagsFailed(TaskEvent):
    """The object is in storage, but its tags could not be written."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "storage"
    object_key: str
    storage_code: str
    message: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStored(TaskEvent):
    """The object is in storage."""

    component: ClassVar[str] = "storage"
    object_key: str
    file_bytes: int
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TempFileDeleted(TaskEvent):
    """A temporary file was removed."""

    component: ClassVar[str] = "writer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationError(Event):
    """A call was refused for what it says."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "ingest"
    client: str
    error_code: str
    message: str
    task_id: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamError(TaskEvent):
    """A stream broke off or fell silent before the end of its rows."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "ingest"
    error_code: str
    rows_received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemError(Event):  # noqa: A001  the event's public name
    """Something failed that no client can mend; the log has the stack."""

    level: ClassVar[Level] = Level.ERROR
    error: BaseException
    where: str
    task_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFailed(TaskEvent):
    """A data provider failed, or did not stop; the log has the stack, the client a sentence."""

    level: ClassVar[Level] = Level.ERROR
    component: ClassVar[str] = "provider"
    provider: str
    error: BaseException


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyLimitReached(Event):
    """A request was refused because the queue is full."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "task"
    client: str
    queue_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerKeptOut(Event):
    """A caller did not get in; each one is counted."""

    level: ClassVar[Level] = Level.DEBUG
    component: ClassVar[str] = "access"
    door: str
    reason: str
    address: str = ""
    client: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRefused(Event):
    """A caller did not get in: told once a minute of an address, with those not told of since.

    ``identity`` names the token or certificate by what may be shown of it.
    """

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "access"
    door: str
    reason: str
    address: str
    client: str
    identity: str
    not_logged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReloaded(Event):
    """What has changed of who may pass, ``settings`` or ``tokens``, is in force."""

    component: ClassVar[str] = "access"
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReloadFailed(Event):
    """What has changed of who may pass can't be used: what was in force stays so."""

    level: ClassVar[Level] = Level.ERROR
    component: ClassVar[str] = "access"
    what: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReady(Event):
    """Every door accepts; the addresses are real ones, as ``host:port``."""

    grpc: str
    http: str
    websocket: str
    metrics: str
    pid: int
    version: str
    resident_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStopping(Event):
    """The service was told to stop; running exports have so long to end."""

    grace_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStopped(Event):
    """Everything is closed."""
