"""The doors that are fuzzed: how an input of each is made, and what must not be answered."""

import random
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

import hpack
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, RstStreamFrame

from rowferry.ingest.websocket_door import WEBSOCKET_PATH
from rowferry.ingest.websocket_messages import SUBPROTOCOL as INGEST
from rowferry.status.progress_messages import SUBPROTOCOL as PROGRESS
from rowferry.status.progress_websocket import PROGRESS_PATH
from tests.fuzz_doors.conversations import (
    Call,
    Frames,
    Request,
    grpc_calls,
    http2_connection,
    http_bytes,
    http_requests,
    ingest_frames,
    progress_frames,
    websocket_handshake,
    written_frames,
)
from tests.fuzz_doors.mutations import mutated

Port = Literal["grpc", "http", "websocket"]
_UNKNOWN: Final = b"2"
_INTERNAL: Final = b"13"
_INTERNAL_CLOSE: Final = struct.pack(">H", 1011)
_HTTP_FAILURE: Final = re.compile(rb"HTTP/1\.1 500 ")
_BODILESS: Final = re.compile(rb"HTTP/1\.1 (204|304) ")
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: chunked", re.IGNORECASE)
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_FRAME_HEAD_BYTES: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What is sent: ``data`` behind the answer to the ``handshake``, if there is one."""

    data: bytes
    handshake: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzedDoor:
    """``make`` gives a connection's bytes; ``fault`` says what is wrong with an answer, or "".

    ``is_whole`` tells when the answer is complete. Without it the client says that it sends no
    more, and the service must close. Each level of a ``door`` has its own way to change inputs.
    """

    door: str
    level: str
    port: Port
    make: Callable[[random.Random], Input]
    fault: Callable[[bytes], str]
    is_whole: Callable[[bytes], bool] | None = None

    @property
    def name(self) -> str:
        """The door and the level."""
        return f"{self.door} {self.level}"


def _grpc_messages(chance: random.Random) -> Input:
    calls = grpc_calls()
    others = [message for call in calls for message in call.messages]
    call = chance.choice(calls)
    messages = list(call.messages)
    at = chance.randrange(len(messages))
    messages[at] = mutated(chance, messages[at], others)
    if chance.random() < 0.3:
        chance.shuffle(messages)
    return Input(data=http2_connection([Call(path=call.path, messages=tuple(messages))]))


def _grpc_bytes(chance: random.Random) -> Input:
    recorded = _recorded_connections()
    seed = chance.choice(recorded)
    keep = chance.choice((0, 24, 24, 24))  # most keep the preface, to get further
    return Input(data=seed[:keep] + mutated(chance, seed[keep:], recorded))


@cache
def _recorded_connections() -> Sequence[bytes]:
    return [http2_connection([call]) for call in grpc_calls()]


def _http_requests(chance: random.Random) -> Input:
    requests = http_requests()
    request = chance.choice(requests)
    bodies = [each.body for each in requests if each.body]
    what = chance.randrange(4)
    if what == 0:
        target = mutated(chance, request.target.encode(), [r.target.encode() for r in requests])
        text = re.sub(rb"[\x00-\x20\x7f-\xff]", lambda m: b"%%%02X" % m[0][0], target).decode()
        request = replace(request, target="/" + text.lstrip("/"))
    elif what == 1 and request.headers:
        request = replace(request, headers=_mutated_headers(chance, request))
    else:
        request = replace(request, body=mutated(chance, request.body, bodies))
    return Input(data=http_bytes(request))


def _mutated_headers(chance: random.Random, request: Request) -> tuple[tuple[str, str], ...]:
    def changed(value: str) -> str:
        data = mutated(chance, value.encode(), [b"text/csv", b"gzip, zstd", b"application/json"])
        return re.sub(r"[\x00-\x1f\x7f]", "", data.decode("latin-1"))

    added = ("Prefer", changed("wait=1")), ("Idempotency-Key", changed("key"))
    return (*((name, changed(value)) for name, value in request.headers), *added)


def _http_bytes(chance: random.Random) -> Input:
    recorded = [http_bytes(request) for request in http_requests()]
    return Input(data=mutated(chance, chance.choice(recorded), recorded))


def _frames(
    path: str, subprotocol: str, conversations: Callable[[], Sequence[Frames]]
) -> Callable[[random.Random], Input]:
    def make(chance: random.Random) -> Input:
        every = conversations()
        others = [payload for frames in every for _, payload in frames]
        frames = list(chance.choice(every))
        at = chance.randrange(len(frames))
        opcode, payload = frames[at]
        kinds = (opcode, opcode, opcode, chance.choice((0, 1, 2, 9, 10)))
        frames[at] = (chance.choice(kinds), mutated(chance, payload, others)[:1000])
        if chance.random() < 0.3:
            chance.shuffle(frames)
        handshake = websocket_handshake(path, subprotocol)
        return Input(handshake=handshake, data=written_frames(tuple(frames)))

    return make


def _websocket_bytes(
    path: str, subprotocol: str, conversations: Callable[[], Sequence[Frames]]
) -> Callable[[random.Random], Input]:
    def make(chance: random.Random) -> Input:
        handshake = websocket_handshake(path, subprotocol)
        recorded = [written_frames(frames) for frames in conversations()]
        if chance.random() < 0.3:
            return Input(data=mutated(chance, handshake, [handshake]))
        return Input(handshake=handshake, data=mutated(chance, chance.choice(recorded), recorded))

    return make


def _grpc_fault(answer: bytes) -> str:
    """Find a status that tells of a defect.

    gRPC has INTERNAL for requests that are no calls too: those say what is wrong with them.
    """
    for fields in _header_blocks(answer):
        status = fields.get(b"grpc-status")
        says_nothing = fields.get(b"grpc-message") in {None, b"", b"internal error"}
        if status == _UNKNOWN or (
            status == _INTERNAL and (says_nothing or b"rowferry-code" in fields)
        ):
            return f"grpc-status {fields}"
    return ""


def _header_blocks(answer: bytes) -> list[dict[bytes, bytes]]:
    decoder = hpack.Decoder()
    return [
        dict(decoder.decode(frame.data, raw=True))
        for frame in _http2_frames(answer)
        if isinstance(frame, HeadersFrame)
    ]


def _http2_frames(answer: bytes) -> list[Frame]:
    frames = []
    while len(answer) >= _FRAME_HEAD_BYTES:
        try:
            frame, length = Frame.parse_frame_header(memoryview(answer[:_FRAME_HEAD_BYTES]))
            body = answer[_FRAME_HEAD_BYTES : _FRAME_HEAD_BYTES + length]
            if len(body) < length:
                break
            frame.parse_body(memoryview(body))
        except HyperframeError:
            break
        frames.append(frame)
        answer = answer[_FRAME_HEAD_BYTES + length :]
    return frames


def _call_is_over(answer: bytes) -> bool:
    return any(
        isinstance(frame, RstStreamFrame | GoAwayFrame) or "END_STREAM" in frame.flags
        for frame in _http2_frames(answer)
    )


def _http_is_whole(answer: bytes) -> bool:
    """Tell whether a body is as long as its head says (RFC 9112 §6.3).

    A refusal may wait for what is still sent before its connection closes. An answer to HEAD ends
    with the connection, for every request asks for that.
    """
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    if _CHUNKED.search(head):
        return body.startswith(b"0\r\n") or body.endswith(b"\r\n0\r\n\r\n")
    length = _CONTENT_LENGTH.search(head)
    return bool(_BODILESS.match(head)) or (length is not None and len(body) >= int(length[1]))


def _http_fault(answer: bytes) -> str:
    return answer[:2000].decode("latin-1") if _HTTP_FAILURE.match(answer) else ""


def _websocket_fault(answer: bytes) -> str:
    is_open = answer.startswith(b"HTTP/1.1 101 ")
    closed = is_open and _INTERNAL_CLOSE in answer.rpartition(b"\x88")[2][:3]
    return "closed with 1011" if closed else _http_fault(answer)


def _never(_: bytes) -> bool:
    return False


DOORS: Final = (
    FuzzedDoor(
        door="gRPC",
        level="messages",
        port="grpc",
        make=_grpc_messages,
        fault=_grpc_fault,
        is_whole=_call_is_over,
    ),
    FuzzedDoor(door="gRPC", level="bytes", port="grpc", make=_grpc_bytes, fault=_grpc_fault),
    FuzzedDoor(
        door="HTTP",
        level="requests",
        port="http",
        make=_http_requests,
        fault=_http_fault,
        is_whole=_http_is_whole,
    ),
    FuzzedDoor(door="HTTP", level="bytes", port="http", make=_http_bytes, fault=_http_fault),
    FuzzedDoor(
        door="WebSocket",
        level="frames",
        port="websocket",
        make=_frames(WEBSOCKET_PATH, INGEST, ingest_frames),
        fault=_websocket_fault,
        is_whole=_never,
    ),
    FuzzedDoor(
        door="WebSocket",
        level="bytes",
        port="websocket",
        make=_websocket_bytes(WEBSOCKET_PATH, INGEST, ingest_frames),
        fault=_websocket_fault,
    ),
    FuzzedDoor(
        door="progress",
        level="frames",
        port="http",
        make=_frames(PROGRESS_PATH, PROGRESS, progress_frames),
        fault=_websocket_fault,
        is_whole=_never,
    ),
    FuzzedDoor(
        door="progress",
        level="bytes",
        port="http",
        make=_websocket_bytes(PROGRESS_PATH, PROGRESS, progress_frames),
        fault=_websocket_fault,
    ),
)
