"""The service as a whole: it starts, it stops, something in it is broken."""

from dataclasses import dataclass
from typing import ClassVar

from rowferry.domain.events.event import Event, Level


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemError(Event):  # noqa: A001  the event's public name
    """Something failed that no client can mend; the log has the stack."""

    level: ClassVar[Level] = Level.ERROR
    error: BaseException
    where: str
    task_id: str = ""
