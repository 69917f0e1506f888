"""Who sees the operators' pages."""

from typing import Any

import pytest

from rowferry.domain.access import Caller, Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.telemetry.health import OperatorsPort, Phase, Readiness
from rowferry.telemetry.operators_guard import operators_guard
from rowferry.wire.asgi import Message


class Keeper:
    """Admits whoever shows the right token."""

    def recognise(self, door: Door, credentials: Credentials) -> Caller:
        return self.admit(door, credentials)

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        assert door is Door.METRICS
        if credentials.token != "good":  # noqa: S105  a test's
            raise RowferryError(ErrorCode.UNAUTHENTICATED, "No.")
        return Caller(client="monitoring")


async def status_of(path: str, peer: str, authorization: bytes = b"") -> int:
    readiness = Readiness()
    readiness.phase = Phase.READY
    port = OperatorsPort(
        readiness=readiness, checks={}, exposition=bytes, guard=operators_guard(Keeper())
    )
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "path": path,
        "method": "GET",
        "headers": [(b"authorization", authorization)],
        "client": (peer, 4567),
    }
    await port(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
async def test_details_are_for_this_machine_and_for_who_has_the_door(path: str) -> None:
    assert await status_of(path, "127.0.0.1") == 200
    assert await status_of(path, "::1") == 200
    assert await status_of(path, "10.0.0.1") == 401
    assert await status_of(path, "10.0.0.1", b"Bearer bad") == 401
    assert await status_of(path, "10.0.0.1", b"Bearer good") == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_are_open_to_all(path: str) -> None:
    assert await status_of(path, "10.0.0.1") == 200
