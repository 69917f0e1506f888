"""HTTP answers over ASGI: JSON documents, and errors in their one form, for every HTTP door.

Every error reads ``{"error": {"code": …, "message": …, "context": {…}}}``.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

from rowferry.domain.errors import RETRY_AFTER_SECONDS, ErrorCode, RowferryError
from rowferry.wire.error_status import http_status

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON_TYPE: Final = "application/json"
NEVER_STORED: Final = "no-store"


class HttpStatusError(RowferryError):
    """A refusal that HTTP knows better than its code says: with a status and header fields."""

    def __init__(
        self,
        status: int,
        code: ErrorCode,
        message: str,
        context: Mapping[str, object] | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(code, message, context)
        self.status: Final = status
        self.headers: Final = list(headers)


def method_not_allowed(allowed: str) -> HttpStatusError:
    """Build the refusal of a method; ``allowed`` lists the ones there are."""
    message = f"This address takes {allowed} only."
    return HttpStatusError(405, ErrorCode.INVALID_METADATA, message, headers=[("allow", allowed)])


def no_such_address() -> RowferryError:
    """Build the answer for an address that nothing is at."""
    return RowferryError(ErrorCode.NOT_FOUND, "There is no such address.")


def encode_json(document: object) -> bytes:
    """Encode an answer: integers as numbers, times as RFC 3339."""
    return msgspec.json.encode(document)


def error_document(error: RowferryError) -> dict[str, Any]:
    """Give the JSON form of an error."""
    return {
        "error": {"code": error.code, "message": error.message, "context": dict(error.context)}
    }


async def send_answer(
    send: Send,
    status: int,
    body: bytes,
    content_type: str,
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """Send a whole answer; servers leave its body out for HEAD."""
    fields = [("content-type", content_type), ("content-length", str(len(body))), *headers]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": encode_headers(fields),
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: RowferryError) -> None:
    """Send an error with its code's HTTP status, or its own if it is an ``HttpStatusError``."""
    status, headers = http_status(error.code), []
    if isinstance(error, HttpStatusError):
        status, headers = error.status, error.headers
    fields = [("cache-control", NEVER_STORED), *headers, *advice(error)]
    await send_answer(send, status, encode_json(error_document(error)), JSON_TYPE, fields)


async def refuse_websocket(send: Send, refusal: RowferryError) -> None:
    """Answer a handshake as a request (ASGI's extension "websocket.http.response")."""

    async def send_as_websocket(event: Message) -> None:
        await send({**event, "type": f"websocket.{event['type']}"})

    await send_error(send_as_websocket, refusal)


def advice(error: RowferryError) -> list[tuple[str, str]]:
    """Give the header fields that tell what to do: show a token, or when to come again."""
    if error.code is ErrorCode.UNAUTHENTICATED:
        return [("www-authenticate", "Bearer")]  # RFC 6750 §3
    seconds = error.context.get(RETRY_AFTER_SECONDS, "")
    return [("retry-after", seconds)] if seconds else []


def encode_headers(fields: Iterable[tuple[str, str]]) -> Headers:
    """Encode header fields as ASGI wants them."""
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]


def header(scope: Scope, name: bytes) -> str:
    """Give a request's header field, its lines joined by commas (RFC 9110 §5.3), or ""."""
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
