"""HTTP/1.1 without the readings that two servers could read in two ways.

h11 takes what RFC 9112 lets a lenient server take. Behind a proxy that reads the same bytes
otherwise, a request can be hidden in another one's body that way. What is in doubt is refused.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, cast

import h11
import trio
from h11._receivebuffer import ReceiveBuffer
from hypercorn.events import Closed
from hypercorn.protocol.events import Body, Data, EndBody, Event, Request, Response, StreamClosed
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.typing import ASGISendEvent
from wsproto.events import CloseConnection, Pong
from wsproto.events import Event as WebSocketEvent
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.wire.asgi import JSON_TYPE, NEVER_STORED, encode_json, error_document
from rowferry.wire.h2_flood import FloodGate

_REFUSALS: Final = {
    400: "The request is not HTTP/1.1 as this port reads it.",
    408: "The request's header fields did not come in time.",
    431: "The request's header fields are too large, or too many.",
    501: "Of transfer codings this port takes chunked only.",
    505: "This port speaks HTTP/1.1.",
}
_BAD_REQUEST: Final = 400
_LABEL_LETTERS: Final = 63
MAX_PINGS_PER_SECOND: Final = 100
_PLAIN: Final = re.compile(rb"[\t\x20-\x7e]*")
# RFC 9112 §3.2: from "/" on, a whole address, or "*" for the server itself; tunnels are not made
_TARGET: Final = re.compile(rb"/|https?://[^/?#]+(/|$)|\*$", re.IGNORECASE)
_CODES: Final = {408: ErrorCode.STREAM_IDLE, 431: ErrorCode.TOO_LARGE}


class StrictReceiveBuffer(ReceiveBuffer):
    """h11's buffer, whose line ends are CRLF and whose heads are framed in one way only."""

    def __init__(self, max_head_bytes: int, max_header_fields: int) -> None:
        super().__init__()
        self._max_head_bytes = max_head_bytes
        self._max_header_fields = max_header_fields

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Take a head or trailers out, once they are whole.

        Raises ``h11.LocalProtocolError``, which h11 makes a refusal of.
        """
        held_bytes = len(self)
        lines = super().maybe_extract_lines()
        if lines is not None:
            head_bytes = held_bytes - len(self)
            if head_bytes > self._max_head_bytes or len(lines) > self._max_header_fields:
                raise _refused("too large a head", 431)
            if head_bytes != sum(len(line) + len(b"\r\n") for line in [*lines, b""]):
                raise _refused("a line that ends without CR")  # RFC 9112 §2.2
            check_head(lines)
        return lines


def check_head(lines: Sequence[bytes | bytearray]) -> None:
    """Raise ``h11.LocalProtocolError`` for a head, or trailers, to be read in two ways."""
    version, fields = _version_and_fields(lines)
    if version not in {b"1.1", b"1.0"}:
        raise _refused("another version", 505)
    if any(line.startswith((b" ", b"\t")) for line in fields):
        raise _refused("a folded line")  # RFC 9112 §5.2
    lengths = _values(fields, b"content-length")
    codings = _values(fields, b"transfer-encoding")
    if len(lengths) + bool(codings) > 1 or any(b"," in length for length in lengths):
        raise _refused("two framings")  # RFC 9112 §6.3
    if codings and version == b"1.0":
        raise _refused("a transfer coding in HTTP/1.0")  # RFC 9112 §6.1
    if not all(_is_host(value) for value in _values(fields, b"host")):
        raise _refused("a host that is none")  # RFC 9112 §3.2


def _version_and_fields(
    lines: Sequence[bytes | bytearray],
) -> tuple[bytes, Sequence[bytes | bytearray]]:
    """Tell a request's line from its fields; trailers are fields only, of HTTP/1.1."""
    first, mark, version = lines[0].rpartition(b" HTTP/") if lines else (b"", b"", b"")
    is_request = mark and b":" not in first.partition(b" ")[0]  # no method has a colon
    return (bytes(version), lines[1:]) if is_request else (b"1.1", lines)


def _values(fields: Sequence[bytes | bytearray], name: bytes) -> list[bytes]:
    split = (line.partition(b":") for line in fields)
    return [bytes(value) for key, _, value in split if key.lower() == name]


def _is_host(value: bytes) -> bool:
    """Tell whether a name could be looked up: labels of 1 to 63 letters (RFC 1035 §2.3.4)."""
    name = value.strip().partition(b":")[0]
    labels = name.split(b".")
    if len(labels) > 1 and not labels[-1]:
        labels.pop()  # the root's
    fits = all(0 < len(label) <= _LABEL_LETTERS for label in labels)
    return not name or (name.isascii() and fits)


def _refused(reason: str, status: int = _BAD_REQUEST) -> h11.LocalProtocolError:
    return h11.LocalProtocolError(reason, error_status_hint=status)


class StrictConnection(h11.Connection):
    """h11 on a strict buffer, which leaves it to others when to answer "100-continue"."""

    def __init__(self, max_head_bytes: int, max_header_fields: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=max_head_bytes)
        self._receive_buffer = StrictReceiveBuffer(max_head_bytes, max_header_fields)

    @property
    def they_are_waiting_for_100_continue(self) -> bool:
        """Tell hypercorn no: it would answer before anybody has looked at the request."""
        return False

    @property
    def wants_continue(self) -> bool:
        """Tell whether the client waits for a word before it sends its body."""
        return super().they_are_waiting_for_100_continue


class StrictWebSocket(WSStream):
    """hypercorn's WebSocket, which ends with what it can't take: the original reads it on.

    It answers a handshake once. A client has to wait for that (RFC 6455 §4.1): the handshake of
    one that goes on before it is refused, unless the application has answered by then.
    """

    _answered = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  hypercorn's own
        super().__init__(*args, **kwargs)
        self._pongs = FloodGate(MAX_PINGS_PER_SECOND)

    async def handle(self, event: Event) -> None:
        """Take what the peer has sent; the connection of a handshake that is no good closes."""
        if isinstance(event, Body | Data) and not self.closed and not self.handshake.accepted:
            if not self._answered:
                await self._refuse_early_data()
            return
        await super().handle(event)
        if isinstance(event, Request) and self.closed:
            await self.send(StreamClosed(stream_id=self.stream_id))

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Send what the application says; whatever it says first is its answer."""
        self._answered = True
        await super().app_send(message)

    async def _send_wsproto_event(self, event: WebSocketEvent) -> None:
        if isinstance(event, Pong) and self._pongs.overflows(trio.current_time()):
            too_many = CloseConnection(code=CloseReason.POLICY_VIOLATION, reason="Too many pings.")
            raise RemoteProtocolError("too many pings", event_hint=too_many)
        await super()._send_wsproto_event(event)

    async def _refuse_early_data(self) -> None:
        await super().handle(StreamClosed(stream_id=self.stream_id))  # the application is done
        await self._send_error_response(_BAD_REQUEST)
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def _send_error_response(self, status_code: int) -> None:
        headers, body = _refusal(status_code)
        number = self.stream_id
        await self.send(Response(stream_id=number, status_code=status_code, headers=headers))
        await self.send(Body(stream_id=number, data=body))
        await self.send(EndBody(stream_id=number))

    async def _handle_events(self) -> None:
        try:
            await super()._handle_events()
        except RemoteProtocolError as error:
            if isinstance(error.event_hint, CloseConnection):
                await self._send_wsproto_event(error.event_hint)
            await self.send(StreamClosed(stream_id=self.stream_id))
            return
        if self.buffer.length > self.buffer.max_length:  # the peer has been told
            await self.send(StreamClosed(stream_id=self.stream_id))


def _asks_for_websocket(request: h11.Request) -> bool:
    """Tell an opening handshake (RFC 6455 §4.1) from other requests."""
    fields = {name: value.lower() for name, value in request.headers}
    tokens = [token.strip() for token in fields.get(b"connection", b"").split(b",")]
    is_upgrade = b"upgrade" in tokens and fields.get(b"upgrade", b"").strip() == b"websocket"
    return is_upgrade and request.method == b"GET"


def _is_read_in_one_way(request: h11.Request) -> bool:
    """Judge method, target and fields.

    Methods are case-sensitive (RFC 9110 §9.1): "head" is not HEAD, but hypercorn makes it so where
    h11 does not, and they would differ about the answer's body.
    """
    method_is_plain = request.method == request.method.upper()
    return method_is_plain and bool(_TARGET.match(request.target)) and _is_ascii(request)


def _is_ascii(handshake: h11.Request) -> bool:
    """Tell whether the fields of RFC 6455 are: hypercorn reads them as such.

    It takes spaces of Unicode off first, and so for a handshake what is none here.
    """
    own = (b"connection", b"upgrade", b"sec-websocket-")
    return all(
        _PLAIN.fullmatch(value) for name, value in handshake.headers if name.startswith(own)
    )


def _refusal(status: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Make the header fields and the body of a refusal that ends the connection."""
    error = RowferryError(
        _CODES.get(status, ErrorCode.INVALID_METADATA),
        _REFUSALS.get(status, _REFUSALS[_BAD_REQUEST]),
    )
    body = encode_json(error_document(error))
    headers = [
        (b"content-type", JSON_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", NEVER_STORED.encode()),
        (b"connection", b"close"),
    ]
    return headers, body


class StrictProtocol(H11Protocol):
    """hypercorn's HTTP/1.1, which never turns into HTTP/2 and refuses in the service's words.

    Upgrades to "h2c" are ignored, as RFC 9110 §7.8 allows: they are a way around a proxy's rules.
    """

    _omits_body = False

    async def continue_if_wanted(self) -> None:
        """Tell a client that waits for it to send its body (RFC 9110 §10.1.1)."""
        connection = self.connection
        if isinstance(connection, StrictConnection) and connection.wants_continue:
            await self._send_h11_event(h11.InformationalResponse(status_code=100, headers=[]))

    async def refuse(self, status: int) -> None:
        """Answer a request that there is no more of."""
        await self._send_error_response(status)

    async def _check_protocol(self, event: h11.Request) -> None:
        pass

    async def _create_stream(self, request: h11.Request) -> None:
        asks_for_websocket = _asks_for_websocket(request)
        if not _is_read_in_one_way(request):
            self._omits_body = request.method == b"HEAD"  # RFC 9110 §9.3.2
            await self.refuse(_BAD_REQUEST)
            await self.send(Closed())
            return
        if not asks_for_websocket:
            await super()._create_stream(request)
            return
        self.stream = StrictWebSocket(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        self.connection = H11WSConnection(cast("h11.Connection", self.connection))
        # without its extensions a WebSocket is not compressed: what a peer sends small stays small
        kept = [each for each in request.headers if each[0] != b"sec-websocket-extensions"]
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=kept,
                http_version=request.http_version.decode(),
                method="GET",
                raw_path=request.target,
                state=self.connection_state,
            )
        )

    async def _send_error_response(self, status_code: int) -> None:
        headers, body = _refusal(status_code)
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        if not self._omits_body:
            await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())
