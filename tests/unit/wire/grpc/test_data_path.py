"""The short way for request bodies against plain h2, on the same bytes."""

import contextlib

import h2
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event
from h2.exceptions import FrameTooLargeError, ProtocolError
from hyperframe.frame import ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, PingFrame
from hypothesis import given
from hypothesis import strategies as st

from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.h2_data_path import DataPathConnection, new_server_connection
from rowferry.wire.h2_settings import open_server_side

CLIENT = H2Configuration(client_side=True)
SERVER = H2Configuration(client_side=False, header_encoding="latin-1")
HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def open_data_path(max_header_list_bytes: int = 65_536) -> DataPathConnection:
    connection = DataPathConnection(SERVER, max_header_list_bytes=max_header_list_bytes)
    connection.initiate_connection()
    return connection


def open_plain() -> H2Connection:
    connection = H2Connection(SERVER)
    connection.initiate_connection()
    return connection


def greeted(server: H2Connection) -> H2Connection:
    """Exchange prefaces; return the client."""
    client = H2Connection(CLIENT)
    client.initiate_connection()
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    return client


class Talk:
    """Writes a valid client's side, action by action."""

    def __init__(self) -> None:
        self.client = H2Connection(CLIENT)
        self.client.initiate_connection()
        self.open_streams: list[int] = []

    def act(self, action: str, size: int, pick: int) -> None:
        if action == "announced":
            self.send_announced_body(size)
            return
        if action == "open" or not self.open_streams:
            self.open_streams.append(self.open())
            return
        stream_id = self.open_streams[pick % len(self.open_streams)]
        size = min(size, self.client.local_flow_control_window(stream_id))
        match action:
            case "data":
                self.client.send_data(stream_id, bytes([size % 251]) * size)
            case "padded" if size > 10:
                self.client.send_data(stream_id, b"p" * (size - 10), pad_length=9)
            case "end":
                self.client.send_data(stream_id, b"e" * size, end_stream=True)
                self.open_streams.remove(stream_id)
            case "trailers":
                self.client.send_headers(stream_id, [("x", "y")], end_stream=True)
                self.open_streams.remove(stream_id)
            case "reset":
                self.client.reset_stream(stream_id)
                self.open_streams.remove(stream_id)
            case _:
                self.client.ping(size.to_bytes(8, "big"))

    def open(self, *headers: tuple[str, str]) -> int:
        stream_id = self.client.get_next_available_stream_id()
        self.client.send_headers(stream_id, [*HEADERS, *headers])
        return stream_id

    def send_announced_body(self, size: int) -> None:
        stream_id = self.open(("content-length", str(2 * size)))
        if self.client.local_flow_control_window(stream_id) < 2 * size:
            self.client.reset_stream(stream_id)
            return
        self.client.send_data(stream_id, b"a" * size)
        self.client.send_data(stream_id, b"b" * size, end_stream=True)


ACTIONS = st.sampled_from(
    ["open", "data", "data", "data", "padded", "end", "announced", "trailers", "reset", "ping"]
)


@st.composite
def talks(draw: st.DrawFn) -> bytes:
    talk = Talk()
    actions = st.tuples(ACTIONS, st.integers(0, 3_000), st.integers(0, 20))
    for action, size, pick in draw(st.lists(actions, max_size=30)):
        talk.act(action, size, pick)
    return talk.client.data_to_send()


@st.composite
def chunked_talks(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    data = draw(talks())
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=40))
    return data, sorted(cuts)


def comparable(events: list[Event]) -> list[object]:
    """Describe events, with the bodies that arrived between two others gathered by stream."""
    described: list[object] = []
    bodies: dict[int, tuple[bytes, int]] = {}
    for event in events:
        if isinstance(event, DataReceived) and event.stream_ended is None:
            data, length = bodies.get(event.stream_id, (b"", 0))
            bodies[event.stream_id] = (data + event.data, length + event.flow_controlled_length)
            continue
        described += [sorted(bodies.items()), repr(event), getattr(event, "data", None)]
        bodies = {}
    return [*described, sorted(bodies.items())]


@given(chunked_talks())
def test_any_chunking_of_a_valid_talk_gives_the_events_of_plain_h2(
    chunked_talk: tuple[bytes, list[int]],
) -> None:
    data, cuts = chunked_talk
    fast, plain = open_data_path(), open_plain()
    events: list[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        reused = bytearray(data[start:end])
        events += fast.receive_data(reused)
        reused[:] = bytes(len(reused))
    assert comparable(events) == comparable(plain.receive_data(data))
    assert fast.data_to_send() == plain.data_to_send()
    assert fast.inbound_flow_control_window == plain.inbound_flow_control_window
    for stream_id in plain.streams:
        assert fast.remote_flow_control_window(stream_id) == plain.remote_flow_control_window(
            stream_id
        )


@given(talks(), st.lists(st.tuples(st.integers(24, 10_000), st.integers(0, 255)), min_size=1))
def test_damaged_bytes_are_a_protocol_error_or_nothing_at_all(
    data: bytes, damages: list[tuple[int, int]]
) -> None:
    damaged = bytearray(data)
    for position, value in damages:
        if position < len(damaged):
            damaged[position] = value
    server = open_server_side(GrpcLimits())
    with contextlib.suppress(ProtocolError):
        server.receive_data(bytes(damaged))
    server.data_to_send()


def test_bodies_of_streams_that_arrive_together_make_one_event_each() -> None:
    server = open_data_path()
    client = greeted(server)
    for stream_id in (1, 3):
        client.send_headers(stream_id, HEADERS)
    server.receive_data(client.data_to_send())
    for part in (b"a", b"b"):
        client.send_data(1, part)
        client.send_data(3, part * 2)
    events = server.receive_data(client.data_to_send())
    assert [(event.stream_id, event.data) for event in events if type(event) is DataReceived] == [
        (1, b"ab"),
        (3, b"aabb"),
    ]


def test_data_beyond_the_window_is_a_flow_control_error() -> None:
    server = open_data_path()
    client = greeted(server)
    client.send_headers(1, HEADERS)
    server.receive_data(client.data_to_send())
    frames = [DataFrame(1, data=b"x" * 16_384) for _ in range(4)]
    server.receive_data(b"".join(frame.serialize() for frame in frames[:3]))
    with pytest.raises(ProtocolError) as caught:
        server.receive_data(frames[3].serialize())
    assert caught.value.error_code == ErrorCodes.FLOW_CONTROL_ERROR


@pytest.mark.parametrize("first_part_bytes", [1, 8, 9, 20])
def test_an_overlong_frame_is_refused_by_its_header(first_part_bytes: int) -> None:
    server = open_data_path()
    client = greeted(server)
    client.send_headers(1, HEADERS)
    server.receive_data(client.data_to_send())
    begun = DataFrame(1, data=b"x" * 16_385).serialize()[:21]
    parts = (begun[:first_part_bytes], begun[first_part_bytes:])
    with pytest.raises(FrameTooLargeError):
        list(map(server.receive_data, parts))


def test_a_body_frame_inside_a_header_block_ends_the_connection() -> None:
    server = open_data_path()
    client = greeted(server)
    client.send_headers(1, HEADERS)
    server.receive_data(client.data_to_send())
    unfinished = HeadersFrame(3, data=b"").serialize()
    with pytest.raises(ProtocolError):
        server.receive_data(unfinished + DataFrame(1, data=b"x").serialize())


def test_a_header_block_over_the_limit_is_refused_before_it_is_whole() -> None:
    server = open_data_path(max_header_list_bytes=1_000)
    greeted(server)
    server.receive_data(HeadersFrame(1, data=b"x" * 600).serialize())
    with pytest.raises(ProtocolError, match="header block over 1000 bytes"):
        server.receive_data(ContinuationFrame(1, data=b"x" * 600).serialize())


def test_a_goodbye_leaves_the_connection_open() -> None:
    server = open_data_path()
    client = greeted(server)
    client.send_headers(1, HEADERS)
    goodbye = GoAwayFrame(0, last_stream_id=0, error_code=0).serialize()
    events = server.receive_data(client.data_to_send() + goodbye)
    assert isinstance(events[-1], ConnectionTerminated)
    server.send_headers(1, [(":status", "200")])
    assert server.data_to_send()


def test_a_false_preface_is_refused() -> None:
    with pytest.raises(ProtocolError):
        open_data_path().receive_data(b"GET / HTTP/1.1\r\n\r\n")


def test_a_preface_in_single_bytes_is_understood() -> None:
    server = open_data_path()
    for byte in PREFACE:
        assert server.receive_data(bytes([byte])) == []
    assert server.receive_data(PingFrame(0, opaque_data=b"12345678").serialize())


def test_another_release_of_h2_gets_no_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(
        new_server_connection(SERVER, max_header_list_bytes=1_000), DataPathConnection
    )
    monkeypatch.setattr(h2, "__version__", "9.9.9")
    connection = new_server_connection(SERVER, max_header_list_bytes=1_000)
    assert type(connection) is H2Connection
