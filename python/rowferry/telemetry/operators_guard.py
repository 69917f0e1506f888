"""Who sees the operators' pages when callers have to say who they are."""

from collections.abc import Callable
from typing import TypeAlias

from rowferry.config_security import is_loopback
from rowferry.domain.access import Door
from rowferry.ports import Doorkeeper
from rowferry.wire.asgi import Scope
from rowferry.wire.asgi_routes import credentials_of

Guard: TypeAlias = Callable[[Scope], None]
"""Raises what keeps a caller out."""


def nobody_asks(_: Scope) -> None:
    """Let everybody see everything."""


def operators_guard(doorkeeper: Doorkeeper) -> Guard:
    """Let in who calls from this machine, and clients that have the door ``metrics``."""

    def guard(scope: Scope) -> None:
        peer = scope.get("client")
        if not (peer and is_loopback(peer[0])):
            doorkeeper.admit(Door.METRICS, credentials_of(scope))

    return guard
