"""Who calls, by which door, and what a client may do.

Rules are values: who holds them, and how callers prove who they are, is the adapters' business.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from rowferry.domain.errors import ErrorCode, RowferryError


class Door(StrEnum):
    """A way into the service."""

    GRPC = "grpc"
    HTTP = "http"
    WEBSOCKET = "websocket"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a caller shows, and where it calls from: ``host:port``, "" = not known.

    ``certificate_names``: of a client certificate that an authority we trust has signed.
    """

    token: str = field(default="", repr=False)
    certificate_names: tuple[str, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who has been let in.

    ``identity`` tells how: ``token:<id>``, ``certificate:<name>``, "" = nobody was asked.
    """

    client: str
    address: str = ""
    identity: str = ""


def check_same_client(client: str, again: Caller) -> None:
    """Raise UNAUTHENTICATED if what a client has shown is another's by now."""
    if again.client != client:
        message = "The token is another client's now."
        raise RowferryError(ErrorCode.UNAUTHENTICATED, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRules:
    """What one client may do; None and 0 = no bound.

    ``min_priority``: the smallest, most urgent, priority its tasks may have. ``rows_per_day`` and
    ``bytes_per_day`` count what was received since midnight UTC.
    """

    formats: frozenset[str] | None = None
    providers: frozenset[str] | None = None
    max_columns: int = 0
    min_priority: int = 100
    requests_per_second: float = 0.0
    burst: int = 0
    max_connections: int = 0
    max_running: int = 0
    max_queued: int = 0
    rows_per_day: int = 0
    bytes_per_day: int = 0


CALLER: Final[ContextVar[Caller | None]] = ContextVar("caller", default=None)
"""Who the current call comes from, for the audit log alone: what a call may do hangs on the
``client`` that it is given, never on this."""

BEARER: Final = "bearer"


def bearer_token(authorization: str) -> str:
    """Give the token of an ``Authorization`` field (RFC 6750 §2.1), "" if it holds none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == BEARER else ""
