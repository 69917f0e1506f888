"""What RFC 9113 says an endpoint must refuse or answer, section by section, as raw frames."""

from typing import TYPE_CHECKING

import hpack
import pytest
import trio
from h2.errors import ErrorCodes
from hyperframe.frame import Frame, GoAwayFrame, PingFrame, RstStreamFrame, SettingsFrame
from trio.testing import wait_all_tasks_blocked

from rowferry.wire.grpc_stream import CallStream

if TYPE_CHECKING:
    from tests.unit.wire.grpc.conftest import Connect, RawClient

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

PROTOCOL_ERROR = ErrorCodes.PROTOCOL_ERROR
FRAME_SIZE_ERROR = ErrorCodes.FRAME_SIZE_ERROR
FLOW_CONTROL_ERROR = ErrorCodes.FLOW_CONTROL_ERROR
STREAM_CLOSED = ErrorCodes.STREAM_CLOSED

REQUEST = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/test.Service/Call",
    ":authority": "test",
    "te": "trailers",
    "content-type": "application/grpc",
}
MARKER = b"a marker"


def frame(kind: int, flags: int = 0, stream: int = 0, body: bytes = b"") -> bytes:
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def block(*extra: tuple[str, str], without: str = "", **changed: str) -> bytes:
    """Encode a request's headers, without any state between blocks."""
    fields = {name: value for name, value in REQUEST.items() if name != without}
    fields |= {f":{name}": value for name, value in changed.items()}
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    encoded: bytes = encoder.encode([*fields.items(), *extra])
    return encoded


def opened(stream: int = 1, flags: int = END_HEADERS, body: bytes = b"") -> bytes:
    return frame(HEADERS, flags, stream, body or block())


CLOSED = opened() + frame(RST, stream=1, body=bytes(4))
HALF_CLOSED = opened(flags=END_HEADERS | END_STREAM)
UNFINISHED = opened(flags=0)
PING_FRAME = frame(PING, body=MARKER)


def setting(code: int, value: int) -> bytes:
    return frame(SETTINGS, body=code.to_bytes(2, "big") + value.to_bytes(4, "big"))


# Where there are two codes, PROTOCOL_ERROR is what h2 says instead of the RFC's.
CONNECTION_ERRORS = {
    "4.2 oversized HEADERS": (opened(body=bytes(16_385)), {FRAME_SIZE_ERROR}),
    "4.2 oversized DATA": (opened() + frame(DATA, 0, 1, bytes(16_385)), {FRAME_SIZE_ERROR}),
    "4.3 undecodable header block": (
        opened(body=b"\xff" * 9),
        {ErrorCodes.COMPRESSION_ERROR, PROTOCOL_ERROR},
    ),
    "4.3 frame inside a header block": (UNFINISHED + PING_FRAME, {PROTOCOL_ERROR}),
    "4.3 HEADERS inside a header block": (UNFINISHED + opened(3), {PROTOCOL_ERROR}),
    "5.1 DATA on an idle stream": (frame(DATA, 0, 1, b"x"), {PROTOCOL_ERROR}),
    "5.1 RST_STREAM on an idle stream": (frame(RST, 0, 1, bytes(4)), {PROTOCOL_ERROR}),
    "5.1 WINDOW_UPDATE on an idle stream": (frame(WINDOW, 0, 1, b"\0\0\0\1"), {PROTOCOL_ERROR}),
    "5.1 CONTINUATION on an idle stream": (frame(CONTINUATION, 4, 1, b""), {PROTOCOL_ERROR}),
    "5.1.1 even stream": (opened(2), {PROTOCOL_ERROR}),
    "5.1.1 decreasing stream": (opened(5) + opened(3), {PROTOCOL_ERROR}),
    "5.5 unknown frame in a header block": (UNFINISHED + frame(0xBE), {PROTOCOL_ERROR}),
    "6.1 DATA on stream 0": (frame(DATA, body=b"x"), {PROTOCOL_ERROR}),
    "6.1 padding over the frame": (opened() + frame(DATA, PADDED, 1, b"\x09x"), {PROTOCOL_ERROR}),
    "6.2 HEADERS on stream 0": (opened(0), {PROTOCOL_ERROR}),
    "6.2 padding over the frame": (frame(HEADERS, PADDED | 4, 1, b"\x09x"), {PROTOCOL_ERROR}),
    "6.3 PRIORITY on stream 0": (frame(PRIORITY, body=bytes(5)), {PROTOCOL_ERROR}),
    "6.4 RST_STREAM on stream 0": (frame(RST, body=bytes(4)), {PROTOCOL_ERROR}),
    "6.4 short RST_STREAM": (opened() + frame(RST, 0, 1, bytes(3)), {FRAME_SIZE_ERROR}),
    "6.5 SETTINGS on a stream": (frame(SETTINGS, stream=1), {PROTOCOL_ERROR}),
    "6.5 acknowledgement with settings": (
        frame(SETTINGS, ACK, 0, bytes(6)),
        {FRAME_SIZE_ERROR, PROTOCOL_ERROR},
    ),
    "6.5 odd SETTINGS": (frame(SETTINGS, body=bytes(3)), {FRAME_SIZE_ERROR}),
    "6.5.2 ENABLE_PUSH": (setting(2, 2), {PROTOCOL_ERROR}),
    "6.5.2 INITIAL_WINDOW_SIZE": (setting(4, 2**31), {FLOW_CONTROL_ERROR}),
    "6.5.2 MAX_FRAME_SIZE too small": (setting(5, 16_383), {PROTOCOL_ERROR}),
    "6.5.2 MAX_FRAME_SIZE too large": (setting(5, 2**24), {PROTOCOL_ERROR}),
    "6.6 PUSH_PROMISE by a client": (
        opened() + frame(PUSH, 4, 1, b"\0\0\0\2" + block()),
        {PROTOCOL_ERROR},
    ),
    "6.7 PING on a stream": (frame(PING, stream=1, body=MARKER), {PROTOCOL_ERROR}),
    "6.7 short PING": (frame(PING, body=bytes(6)), {FRAME_SIZE_ERROR}),
    "6.8 GOAWAY on a stream": (frame(GOAWAY, stream=1, body=bytes(8)), {PROTOCOL_ERROR}),
    "6.9 WINDOW_UPDATE of nothing": (frame(WINDOW, body=bytes(4)), {PROTOCOL_ERROR}),
    "6.9 short WINDOW_UPDATE": (frame(WINDOW, body=bytes(3)), {FRAME_SIZE_ERROR}),
    "6.9.1 connection window overflow": (
        2 * frame(WINDOW, body=b"\x7f\xff\xff\xff"),
        {FLOW_CONTROL_ERROR},
    ),
    "6.10 CONTINUATION on stream 0": (UNFINISHED + frame(CONTINUATION, 4), {PROTOCOL_ERROR}),
    "6.10 CONTINUATION of nothing": (opened() + frame(CONTINUATION, 4, 1), {PROTOCOL_ERROR}),
    "6.10 CONTINUATION of another": (UNFINISHED + frame(CONTINUATION, 4, 3), {PROTOCOL_ERROR}),
    "8.1 second HEADERS without END_STREAM": (opened() + opened(), {PROTOCOL_ERROR}),
    "8.1.1 content-length over the body": (
        opened(body=block(("content-length", "9"))) + frame(DATA, END_STREAM, 1, b"x"),
        {PROTOCOL_ERROR},
    ),
    "8.2.1 upper case field": (opened(body=block(("X-Y", "z"))), {PROTOCOL_ERROR}),
    "8.2.2 connection field": (opened(body=block(("connection", "close"))), {PROTOCOL_ERROR}),
    "8.2.2 te: gzip": (opened(body=block(("te", "gzip"), without="te")), {PROTOCOL_ERROR}),
    "8.3 unknown pseudo-header": (opened(body=block(unknown="x")), {PROTOCOL_ERROR}),
    "8.3 pseudo-header of responses": (opened(body=block(status="200")), {PROTOCOL_ERROR}),
    "8.3 pseudo-header after fields": (opened(body=block((":path", "/x"))), {PROTOCOL_ERROR}),
    "8.3.1 empty :path": (opened(body=block(path="")), {PROTOCOL_ERROR}),
    "8.3.1 no :method": (opened(body=block(without=":method")), {PROTOCOL_ERROR}),
    "8.3.1 no :scheme": (opened(body=block(without=":scheme")), {PROTOCOL_ERROR}),
    "8.3.1 no :path": (opened(body=block(without=":path")), {PROTOCOL_ERROR}),
}

STREAM_ERRORS = {
    "5.1 DATA after END_STREAM": (HALF_CLOSED + frame(DATA, 0, 1, b"x"), STREAM_CLOSED),
    "5.1 HEADERS after END_STREAM": (HALF_CLOSED + opened(), STREAM_CLOSED),
    "5.1 DATA after RST_STREAM": (CLOSED + frame(DATA, 0, 1, b"x"), STREAM_CLOSED),
    "5.1 HEADERS after RST_STREAM": (CLOSED + opened(), STREAM_CLOSED),
    "6.9.1 stream window overflow": (
        opened() + 2 * frame(WINDOW, 0, 1, b"\x7f\xff\xff\xff"),
        FLOW_CONTROL_ERROR,
    ),
}

HARMLESS = {
    "4.1 unknown frame": frame(0xBE, 0xFF, 0, b"?"),
    "4.1 undefined flags": frame(PING, 0xFE, 0, b"87654321"),
    "4.1 reserved bit": frame(PING, 0, 2**31, b"87654321"),
    "5.1 PRIORITY on an idle stream": frame(PRIORITY, 0, 9, bytes(5)),
    "5.1 WINDOW_UPDATE on a closed stream": CLOSED + frame(WINDOW, 0, 1, b"\0\0\0\1"),
    "5.1 RST_STREAM on a closed stream": CLOSED + frame(RST, 0, 1, bytes(4)),
    "6.1 padded DATA": opened() + frame(DATA, PADDED, 1, b"\x03x" + bytes(3)),
    "6.2 padded HEADERS with a priority": opened(
        flags=END_HEADERS | PADDED | WITH_PRIORITY, body=b"\x02" + bytes(5) + block() + bytes(2)
    ),
    "6.5.2 unknown setting": setting(0xFF, 1),
    "6.7 answered PING": frame(PING, ACK, 0, b"87654321"),
    "6.10 header block in pieces": UNFINISHED
    + frame(CONTINUATION, 0, 1)
    + frame(CONTINUATION, END_HEADERS, 1),
}


async def wait_forever(_stream: CallStream) -> None:
    await trio.sleep_forever()


async def answers(connect: "Connect", sent: bytes) -> "RawClient":
    _, client = await connect(wait_forever)
    await client.send_frames([sent, PING_FRAME])
    return client


@pytest.mark.parametrize(
    ("sent", "codes"), CONNECTION_ERRORS.values(), ids=CONNECTION_ERRORS.keys()
)
async def test_a_connection_error_is_said_and_ends_the_connection(
    connect: "Connect", sent: bytes, codes: set[ErrorCodes]
) -> None:
    client = await answers(connect, sent)
    assert await client.goodbye_code() in codes


async def frames_up_to_the_answered_ping(client: "RawClient") -> list[Frame]:
    await wait_all_tasks_blocked()
    await client.stream.send_eof()
    frames = await client.frames_to_end()
    assert not any(isinstance(said, GoAwayFrame) for said in frames)
    assert any(isinstance(said, PingFrame) and said.opaque_data == MARKER for said in frames)
    return frames


@pytest.mark.parametrize(("sent", "code"), STREAM_ERRORS.values(), ids=STREAM_ERRORS.keys())
async def test_a_stream_error_resets_the_stream_and_spares_the_connection(
    connect: "Connect", sent: bytes, code: ErrorCodes
) -> None:
    frames = await frames_up_to_the_answered_ping(await answers(connect, sent))
    assert code in [said.error_code for said in frames if isinstance(said, RstStreamFrame)]


@pytest.mark.parametrize("sent", HARMLESS.values(), ids=HARMLESS.keys())
async def test_what_is_allowed_changes_nothing(connect: "Connect", sent: bytes) -> None:
    frames = await frames_up_to_the_answered_ping(await answers(connect, sent))
    assert isinstance(frames[0], SettingsFrame)


async def test_settings_are_acknowledged_and_pings_answered_with_their_data(
    connect: "Connect",
) -> None:
    client = await answers(connect, setting(3, 9))
    frames = await frames_up_to_the_answered_ping(client)
    settings = [said for said in frames if isinstance(said, SettingsFrame)]
    acknowledged = [said for said in settings if "ACK" in said.flags]
    assert len(acknowledged) == 2  # the greeting's and this one's
