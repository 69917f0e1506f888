"""Rows come in, or don't: pushed by a client, pulled from a provider."""

from dataclasses import dataclass
from typing import ClassVar

from rowferry.domain.events.event import Event, Level, TaskEvent


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
class StreamError(TaskEvent):
    """A stream broke off or fell silent before the end of its rows."""

    level: ClassVar[Level] = Level.WARNING
    component: ClassVar[str] = "ingest"
    error_code: str
    rows_received: int


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
class ProviderFailed(TaskEvent):
    """A data provider failed, or did not stop; the log has the stack, the client a sentence."""

    level: ClassVar[Level] = Level.ERROR
    component: ClassVar[str] = "provider"
    provider: str
    error: BaseException
