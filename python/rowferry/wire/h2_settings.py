"""Opening the server's side of an HTTP/2 connection (RFC 9113 §3.4, §6.5)."""

from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes

from rowferry.wire.grpc_limits import DEFAULT_WINDOW_BYTES, GrpcLimits
from rowferry.wire.h2_data_path import new_server_connection

# latin-1 can't fail: with ascii, a header byte over 127 raises out of h2 and ends the connection.
# Outbound headers are checked where they are made, once.
_CONFIGURATION: Final = H2Configuration(
    client_side=False,
    header_encoding="latin-1",
    validate_inbound_headers=True,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


def open_server_side(limits: GrpcLimits) -> H2Connection:
    """Return a connection whose SETTINGS and window update wait to be sent before anything else.

    h2 sends its *current* settings, so new ones must be acknowledged by hand first; otherwise the
    peer is told one window and h2 accounts for another, and streams stall silently. What h2 only
    applies on a peer's acknowledgement is applied by hand for the same reason.
    """
    connection = new_server_connection(
        _CONFIGURATION, max_header_list_bytes=limits.max_header_list_bytes
    )
    settings = connection.local_settings
    settings.update(
        {
            SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window_bytes,
            SettingCodes.MAX_FRAME_SIZE: limits.max_frame_bytes,
            SettingCodes.MAX_CONCURRENT_STREAMS: limits.max_streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.max_header_list_bytes,
        }
    )
    settings.acknowledge()
    connection.max_inbound_frame_size = limits.max_frame_bytes
    connection.decoder.max_header_list_size = limits.max_header_list_bytes
    connection.initiate_connection()
    if limits.connection_window_bytes > DEFAULT_WINDOW_BYTES:
        connection.increment_flow_control_window(
            limits.connection_window_bytes - DEFAULT_WINDOW_BYTES
        )
    _tolerate_early_streams(connection, limits.max_streams)
    return connection


def _tolerate_early_streams(connection: H2Connection, max_streams: int) -> None:
    """Let h2 take twice the announced streams.

    h2 ends the whole connection for one stream too many. A client may open that many before it has
    read our SETTINGS (§5.1.2), so the surplus is left to :class:`ServerConnection`, which refuses
    streams one at a time.
    """
    connection.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 2 * max_streams
    connection.local_settings.acknowledge()
