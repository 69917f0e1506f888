"""What one peer may cost a WebSocket door: sizes, rates and patience."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketLimits:
    """Limits of a WebSocket server; every field says its unit.

    Bytes held for one connection never exceed ``window_bytes``, plus twice the message its handler
    has admitted (once while it is put together), plus three times ``receive_bytes`` while these
    are decoded. Before the handshake is over they never exceed 20 KiB: h11
    refuses a request line with headers of more than 16 KiB, and is fed ``HANDSHAKE_RECEIVE_BYTES``
    at a time.
    """

    max_message_bytes: int = 16 * MIB
    """One binary message."""
    max_text_bytes: int = 1 * MIB
    """One text message."""
    window_bytes: int = 1 * MIB
    """Received bytes that no handler has asked for, at which the socket is not read any further;
    a message counts ``MESSAGE_COST_BYTES`` on top of its own."""
    receive_bytes: int = 256 * KIB
    """Most bytes taken from the socket at once."""
    handshake_timeout_seconds: float = 10.0
    """From the TCP connection to the end of TLS and of the opening handshake."""
    ping_seconds: float = 30.0
    """Silence after which the server sends a ping."""
    ping_timeout_seconds: float = 20.0
    """Further silence after which the connection counts as lost."""
    write_timeout_seconds: float = 30.0
    """How long the peer may take none of the bytes that are due to it."""
    close_timeout_seconds: float = 5.0
    """How long the peer may take to answer a close frame (RFC 6455 §7.1.1)."""
    max_control_frames_per_second: int = 1_000
    """Pings, pongs, and fragments of less than ``SMALL_FRAGMENT_BYTES``."""


HANDSHAKE_RECEIVE_BYTES = 4 * KIB
MESSAGE_COST_BYTES = 128
SMALL_FRAGMENT_BYTES = 64
