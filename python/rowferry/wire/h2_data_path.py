"""A server's h2 connection with a short way for request bodies.

h2 makes a frame object, its ``repr`` for a disabled trace log and an event of every DATA frame,
which costs more than everything else the door does with the bytes. :class:`DataPathConnection`
handles plain DATA frames itself, gathers those of one stream into one event, and hands every other
frame to h2, one at a time, so that h2 stays the judge of the protocol.

The ``repr`` itself is left alone: it is costly for large frames only, and those no longer reach
h2. Replacing ``Frame.__repr__`` would change it for every user of hyperframe in the process.

The short way uses private fields of one h2 release. :func:`new_server_connection` therefore falls
back to plain h2 when another release is installed.
"""

import struct
from typing import TYPE_CHECKING

import h2
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event
from h2.exceptions import FrameTooLargeError, ProtocolError
from h2.stream import H2Stream, StreamState
from hyperframe.frame import Frame, GoAwayFrame

from rowferry.wire.lean_structlog import structlog

if TYPE_CHECKING:
    from typing_extensions import Buffer

log = structlog.get_logger(__name__)

PINNED_H2_VERSION = "4.4.1"

PREFACE_BYTES = 24
"""RFC 9113 §3.4: ``PRI * HTTP/2.0 …`` opens every client's connection."""

# RFC 9113 §4.1: length (24 bits), type, flags, a reserved bit and the stream (31 bits).
_FRAME_HEADER = struct.Struct(">HBBBL")
_FRAME_HEADER_BYTES = 9
_DATA, _HEADERS, _CONTINUATION = 0x0, 0x1, 0x9
_END_HEADERS = 0x4


class DataPathConnection(H2Connection):
    """A server side ``H2Connection`` that receives request bodies cheaply.

    Events are h2's, with two differences: DATA frames of one stream that arrive together, with
    nothing but such frames of other streams in between, make one ``DataReceived``; and a GOAWAY
    from the client leaves the connection open, so that the calls it has in flight are answered
    (RFC 9113 §6.8; a Java client says goodbye before its last call ends).

    Beyond h2's own checks, a frame over the limit is refused before its payload is buffered, and a
    header block is limited to ``max_header_list_bytes`` in its compressed form too.
    """

    # How ended streams ended, kept to judge frames that come late: h2's 65,536 would hold
    # megabytes for a connection that makes many small calls.
    MAX_CLOSED_STREAMS = 1_024

    def __init__(self, config: H2Configuration, *, max_header_list_bytes: int) -> None:
        super().__init__(config=config)
        self._preface_bytes_left = PREFACE_BYTES
        self._partial_frame = bytearray()
        self._max_header_block_bytes = max_header_list_bytes
        self._header_block_bytes: int | None = None
        self._frame_dispatch_table[GoAwayFrame] = self._receive_goodbye

    def receive_data(self, data: "Buffer") -> list[Event]:
        """Take bytes from the network; ``data`` may be reused once this returns.

        Raises:
            h2.exceptions.ProtocolError: the peer broke the protocol; a GOAWAY is ready to be sent.

        """
        view = memoryview(data)
        events: list[Event] = []
        if self._preface_bytes_left:
            preface = view[: self._preface_bytes_left]
            events += super().receive_data(preface)
            self._preface_bytes_left -= len(preface)
            view = view[len(preface) :]
        if self._partial_frame:
            view = self._complete_partial_frame(view, events)
        consumed = self._receive_whole_frames(view, events)
        self._partial_frame += view[consumed:]
        return events

    def _complete_partial_frame(self, view: memoryview, events: list[Event]) -> memoryview:
        """Add what the frame begun earlier still lacks; return the bytes behind it."""
        partial = self._partial_frame
        missing = max(0, _FRAME_HEADER_BYTES - len(partial))
        partial += view[:missing]
        view = view[missing:]
        if len(partial) < _FRAME_HEADER_BYTES:
            return view
        length = int.from_bytes(partial[:3], "big")
        self._check_frame_length(length)
        missing = _FRAME_HEADER_BYTES + length - len(partial)
        partial += view[:missing]
        if missing <= len(view):
            self._partial_frame = bytearray()
            self._receive_whole_frames(memoryview(partial), events)
        return view[missing:]

    def _receive_whole_frames(self, view: memoryview, events: list[Event]) -> int:
        """Receive the frames that are there in whole; return how many bytes they had.

        The loop runs once for each 16 KiB of every request body, hence the inlined checks: DATA
        without padding or END_STREAM, on an open stream that announced no content-length, inside
        both windows (RFC 9113 §6.1, §6.9). Anything else is h2's.
        """
        position, end = 0, len(view)
        unpack_header, max_length = _FRAME_HEADER.unpack_from, self.max_inbound_frame_size
        streams, window = self.streams, self._inbound_flow_control_window_manager
        bodies: dict[int, list[memoryview]] = {}
        while end - position >= _FRAME_HEADER_BYTES:
            high, low, kind, flags, stream_id = unpack_header(view, position)
            length = high << 8 | low
            if length > max_length:
                self._check_frame_length(length)
            payload = position + _FRAME_HEADER_BYTES
            frame_end = payload + length
            if frame_end > end:
                break
            if not kind and not flags and 0 < length <= window.current_window_size:
                stream = streams.get(stream_id)
                if stream is not None and self._takes_plain_data(stream, length):
                    window.current_window_size -= length
                    bodies.setdefault(stream_id, []).append(view[payload:frame_end])
                    position = frame_end
                    continue
            _move_bodies(bodies, events)
            self._watch_header_block(kind, flags, length)
            events += super().receive_data(view[position:frame_end])
            position = frame_end
        _move_bodies(bodies, events)
        return position

    def _takes_plain_data(self, stream: H2Stream, length: int) -> bool:
        """Charge the stream's window and return True if h2 would accept the DATA frame."""
        window = stream._inbound_window_manager  # noqa: SLF001
        if (
            stream.state_machine.state is not StreamState.OPEN
            or self._header_block_bytes is not None
            or stream._expected_content_length is not None  # noqa: SLF001
            or length > window.current_window_size
        ):
            return False
        window.current_window_size -= length
        return True

    def _check_frame_length(self, length: int) -> None:
        """Refuse a frame by its header alone (RFC 9113 §4.2)."""
        if length > self.max_inbound_frame_size:
            self._terminate_connection(ErrorCodes.FRAME_SIZE_ERROR)
            raise FrameTooLargeError(
                f"frame of {length} bytes, at most {self.max_inbound_frame_size} are taken"
            )

    def _watch_header_block(self, kind: int, flags: int, length: int) -> None:
        """Bound a header block over its CONTINUATION frames (RFC 9113 §6.10, §10.5.1)."""
        if kind not in (_HEADERS, _CONTINUATION):
            return
        block_bytes = (self._header_block_bytes or 0) + length
        if block_bytes > self._max_header_block_bytes:
            self._terminate_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise ProtocolError(f"header block over {self._max_header_block_bytes} bytes")
        self._header_block_bytes = None if flags & _END_HEADERS else block_bytes

    def _receive_goodbye(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        """Report the client's GOAWAY without closing the state machine, unlike h2."""
        event = ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        event.additional_data = frame.additional_data or None
        return [], [event]


def _move_bodies(bodies: dict[int, list[memoryview]], events: list[Event]) -> None:
    """Turn gathered payloads into events, copied out of the receive buffer."""
    for stream_id, payloads in bodies.items():
        data = b"".join(payloads)
        events.append(
            DataReceived(stream_id=stream_id, data=data, flow_controlled_length=len(data))
        )
    bodies.clear()


def new_server_connection(config: H2Configuration, *, max_header_list_bytes: int) -> H2Connection:
    """Return a connection with the short way for bodies, or plain h2 for another h2 release."""
    if h2.__version__ == PINNED_H2_VERSION:
        return DataPathConnection(config, max_header_list_bytes=max_header_list_bytes)
    return H2Connection(config=config)


def warn_of_plain_h2() -> None:
    """Log once, when a server starts, that the installed h2 has no short way for bodies."""
    if h2.__version__ != PINNED_H2_VERSION:
        log.warning("GrpcDataPathOff", h2_version=h2.__version__, expected=PINNED_H2_VERSION)
