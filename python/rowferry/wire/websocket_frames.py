"""Frames of WebSocket messages for those who send the same bytes to many peers.

A server's frames are not masked (RFC 6455 §5.1), and without extensions they are the same for
every peer: they need be made only once.
"""

import struct
from typing import Final

_FINAL_TEXT: Final = 0x81  # RFC 6455 §5.2: FIN, opcode 1
_SHORT_BYTES: Final = 125
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127
_MAX_16: Final = 2**16 - 1


def text_frame(text: bytes) -> bytes:
    """Give a whole text message, UTF-8, as one frame of a server."""
    length = len(text)
    if length <= _SHORT_BYTES:
        head = struct.pack("!BB", _FINAL_TEXT, length)
    elif length <= _MAX_16:
        head = struct.pack("!BBH", _FINAL_TEXT, _LENGTH_16, length)
    else:
        head = struct.pack("!BBQ", _FINAL_TEXT, _LENGTH_64, length)
    return head + text
