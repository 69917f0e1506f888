"""Bodies as they were before their content coding (RFC 9110 §8.4.1)."""

from typing import Final

from rowferry.domain.errors import ErrorCode, clip
from rowferry.ingest.request_body import PlainBody, RequestBody
from rowferry.wire.asgi import HttpStatusError, Scope, header

_IDENTITY: Final = "identity"
_UNSUPPORTED_MEDIA_TYPE: Final = 415


def plain_body(scope: Scope, body: RequestBody) -> PlainBody:
    """Give the body's own bytes; raise 415 for a content coding that is not known."""
    coding = header(scope, b"content-encoding").strip().lower()
    if coding in {"", _IDENTITY}:
        return body
    message = "The body's content coding is none of those that this port reads."
    context = {"field": "content-encoding", "expected": _IDENTITY, "got": clip(coding)}
    raise HttpStatusError(
        _UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.INVALID_METADATA,
        message,
        context,
        headers=[("accept-encoding", _IDENTITY)],
    )
