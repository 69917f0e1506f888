"""Who did not get in, and what has changed of who may."""

from dataclasses import dataclass
from typing import ClassVar

from rowferry.domain.events.event import Event, Level


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
