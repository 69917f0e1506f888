"""An HTTP request in memory: what a client sends is put in, what it is answered is looked at."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import trio

from rowferry.domain.access import Caller
from rowferry.wire.asgi import AsgiApp, Message
from rowferry.wire.asgi_routes import Route
from tests.unit.export.in_memory import CLIENT


class MemoryExchange:
    """One request and its answer; ``has_asked_on`` tells whether its body was asked for."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.has_asked_on = False
        self.answered = trio.Event()
        self.ended = trio.Event()
        self._client, self._server = trio.open_memory_channel[Message](math.inf)

    def put(self, piece: bytes) -> None:
        """Send more of the body."""
        self._client.send_nowait({"type": "http.request", "body": piece, "more_body": True})

    def end(self, piece: bytes = b"") -> None:
        """Send the last of the body."""
        self._client.send_nowait({"type": "http.request", "body": piece, "more_body": False})

    def leave(self) -> None:
        """Close the connection."""
        self._client.send_nowait({"type": "http.disconnect"})

    @property
    def untaken(self) -> int:
        """Pieces that the service has not received."""
        return self._server.statistics().current_buffer_used

    @property
    def document(self) -> dict[str, Any]:
        """The answer's JSON."""
        return msgspec.json.decode(self.body, type=dict[str, Any])

    @property
    def error(self) -> tuple[int, str]:
        """The status and code of a refusal."""
        return self.status, self.document["error"]["code"]

    @property
    def context(self) -> dict[str, str]:
        """The context of a refusal."""
        return msgspec.convert(self.document["error"]["context"], dict[str, str])

    async def run(self, app: AsgiApp, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        finally:
            self.ended.set()

    async def _receive(self) -> Message:
        self.has_asked_on = True
        return await self._server.receive()

    async def _send(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            fields = message["headers"]
            self.headers = {name.decode(): value.decode("latin-1") for name, value in fields}
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                self.answered.set()


def request_scope(
    routes: tuple[Route, ...], method: str, target: str, fields: Mapping[str, str]
) -> tuple[AsgiApp, dict[str, Any]]:
    """Give the application that a request goes to, and its scope."""
    path, _, query = target.partition("?")
    for route in routes:
        parameters = route.match(method, path)
        if parameters is not None:
            break
    else:
        raise LookupError(target)
    headers = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    return route.app, {
        "type": "http",
        "method": method,
        "path": path,
        "path_params": parameters,
        "query_string": query.encode(),
        "headers": headers,
        "rowferry.caller": Caller(client=CLIENT),
    }
