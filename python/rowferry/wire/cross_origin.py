"""Browsers' pages of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol).

Without allowed origins nothing is said, and browsers keep other sites' pages out. Tokens come in
``Authorization``, which a page sets itself: no answer ever lets a browser add credentials.
"""

from collections.abc import Collection
from functools import partial
from typing import Final

from rowferry.wire.asgi import AsgiApp, Message, Receive, Scope, Send, encode_headers, header

ANY_ORIGIN: Final = "*"
_MAX_AGE_SECONDS: Final = 600
_SENT: Final = (
    "authorization, content-type, content-encoding, idempotency-key, if-match, if-none-match, "
    "if-range, last-event-id, prefer, range"
)
_READ: Final = (
    "accept-ranges, content-disposition, content-range, etag, location, retry-after, "
    "rowferry-next-sequence, rowferry-rows-received, rowferry-status, www-authenticate"
)
_METHODS: Final = "GET, HEAD, POST, PUT, DELETE"


class CrossOrigin:
    """An ASGI application around another: it lets pages of the allowed origins read answers."""

    def __init__(self, app: AsgiApp, allowed_origins: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a preflight is answered here and asks for no token."""
        if scope["type"] != "http" or not self._allowed:
            await self._app(scope, receive, send)
            return
        fields = self._fields(header(scope, b"origin"))
        if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
            await _answer_preflight(send, fields)
        else:
            await self._app(scope, receive, partial(_send_with, fields, send))

    def _fields(self, origin: str) -> list[tuple[str, str]]:
        if ANY_ORIGIN in self._allowed:
            return [("access-control-allow-origin", ANY_ORIGIN)]
        varies = [("vary", "origin")]
        if origin not in self._allowed:
            return varies
        return [("access-control-allow-origin", origin), *varies]


async def _answer_preflight(send: Send, fields: list[tuple[str, str]]) -> None:
    allowed = [
        ("access-control-allow-methods", _METHODS),
        ("access-control-allow-headers", _SENT),
        ("access-control-max-age", str(_MAX_AGE_SECONDS)),
    ]
    headers = encode_headers([*fields, *allowed])
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _send_with(fields: list[tuple[str, str]], send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        added = encode_headers([*fields, ("access-control-expose-headers", _READ)])
        message = {**message, "headers": [*message.get("headers", ()), *added]}
    await send(message)
