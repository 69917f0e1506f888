"""Bodies as they were before their content coding (RFC 9110 §8.4.1)."""

from typing import Final

import trio

from rowferry.domain.errors import ErrorCode, clip
from rowferry.ingest.request_body import RequestBody
from rowferry.wire.asgi import HttpStatusError, Scope, header
from rowferry.wire.inflating_body import DECODERS, BodyBytes, Inflater, InflatingBody

_IDENTITY: Final = "identity"
_UNSUPPORTED_MEDIA_TYPE: Final = 415


class ContentCodings:
    """Takes the codings off; ``max_bytes`` bounds what one body may become."""

    def __init__(self, max_bytes: int, threads: trio.CapacityLimiter) -> None:
        self._max_bytes = max_bytes
        self._threads = threads

    def decoded(self, scope: Scope, body: RequestBody) -> BodyBytes:
        """Give the body's content; raise 415 for a coding that is not known."""
        coding = header(scope, b"content-encoding").strip().lower()
        if coding in {"", _IDENTITY}:
            return body
        if coding not in DECODERS:
            raise _unknown(coding)
        return InflatingBody(body, Inflater(coding, max_bytes=self._max_bytes), self._threads)


def _unknown(coding: str) -> HttpStatusError:
    known = ", ".join(DECODERS)
    message = "The body's content coding is none of those that this port reads."
    context = {"field": "content-encoding", "expected": known, "got": clip(coding)}
    return HttpStatusError(
        _UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.INVALID_METADATA,
        message,
        context,
        headers=[("accept-encoding", known)],
    )
