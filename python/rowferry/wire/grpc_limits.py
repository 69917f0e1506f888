"""What one peer may cost the gRPC door: windows, sizes, rates and patience."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

# RFC 9113 §6.5.2 and §6.9.2: what a peer may use before it has read our SETTINGS.
DEFAULT_WINDOW_BYTES = 65_535
SMALLEST_MAX_FRAME_BYTES = 16_384
LARGEST_MAX_FRAME_BYTES = 2**24 - 1
LARGEST_WINDOW_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcLimits:
    """Limits of a gRPC server; every field says its unit.

    Request bytes held for one connection never exceed ``connection_buffer_bytes`` plus
    ``connection_window_bytes`` plus ``connection_assembly_bytes`` plus the messages that were
    admitted, and for one stream the message being received (at most ``max_message_bytes``) plus
    ``stream_window_bytes``.

    Raises:
        ValueError: a value outside what HTTP/2 allows (RFC 9113 §6.5.2).

    """

    stream_window_bytes: int = 1 * MIB
    """What a client may send on a stream ahead of its handler."""
    connection_window_bytes: int = 4 * MIB
    """What a client may send on all streams together before it waits for a WINDOW_UPDATE."""
    connection_buffer_bytes: int = 8 * MIB
    """Bytes no handler has asked for yet, up to which the connection's window is reopened on
    receipt, so that a few stalled streams do not stall their siblings."""
    connection_assembly_bytes: int = 1 * MIB
    """What messages may take while they come in before a handler's admission is asked."""
    max_frame_bytes: int = SMALLEST_MAX_FRAME_BYTES
    max_streams: int = 128
    """Calls of one connection that run at once; more are refused and may be tried again."""
    max_message_bytes: int = 16 * MIB
    """One message, as sent and as inflated."""
    max_header_list_bytes: int = 32 * KIB
    """One request's headers, as counted by RFC 9113 §6.5.2 (32 bytes a field on top)."""
    receive_bytes: int = 256 * KIB
    """Most bytes taken from the socket at once."""
    handshake_timeout_seconds: float = 10.0
    """From the TCP connection to the end of TLS and of the client's preface and SETTINGS."""
    idle_timeout_seconds: float = 300.0
    """How long a connection may stay without a call before it is closed politely."""
    keepalive_seconds: float = 60.0
    """Silence after which the server sends a PING."""
    keepalive_timeout_seconds: float = 20.0
    """Further silence after which the connection counts as lost."""
    write_timeout_seconds: float = 30.0
    """How long the peer may take none of the bytes that are due to it."""
    max_resets_per_second: int = 256
    """Streams reset (RST_STREAM) before the connection is closed; above ``max_streams``, since a
    client that gives up resets all its streams at once."""
    max_control_frames_per_second: int = 1_000
    """PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown and empty frames; counted anew when a
    handler sends."""

    def __post_init__(self) -> None:
        for name in ("stream_window_bytes", "connection_window_bytes"):
            if not DEFAULT_WINDOW_BYTES <= getattr(self, name) <= LARGEST_WINDOW_BYTES:
                raise ValueError(
                    f"{name} must be between {DEFAULT_WINDOW_BYTES} and {LARGEST_WINDOW_BYTES}"
                )
        if not SMALLEST_MAX_FRAME_BYTES <= self.max_frame_bytes <= LARGEST_MAX_FRAME_BYTES:
            raise ValueError(
                "max_frame_bytes must be between "
                f"{SMALLEST_MAX_FRAME_BYTES} and {LARGEST_MAX_FRAME_BYTES}"
            )
