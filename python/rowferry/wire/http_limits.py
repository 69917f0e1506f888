"""What one peer may cost an HTTP port: sizes, places and patience."""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Limits of an HTTP/1.1 server; every field says its unit."""

    max_head_bytes: int = 16 * KIB
    """A request's line and header fields together; also one line of a chunked body."""
    max_header_fields: int = 100
    head_timeout_seconds: float = 10.0
    """From the first byte of a request, or from the beginning of its connection, to the end of
    its header fields: sending them byte by byte gains nothing."""
    handshake_timeout_seconds: float = 10.0
    """For TLS."""
    keep_alive_seconds: float = 30.0
    """How long a connection may stay open between two requests."""
    body_timeout_seconds: float = 310.0
    """Silence in the middle of a request's body after which the connection ends. Doors that know
    what they wait for have shorter ones, and answer."""
    linger_seconds: float = 2.0
    """How long a peer that was refused may go on sending before the connection breaks: a break
    at once would take the answer with it."""
    max_websocket_message_bytes: int = 64 * KIB
