"""Clients that only write what was encoded before, so that no client bounds what a door does."""

import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final

SUBPROTOCOL: Final = "rowferry.ingest.v1"
PATIENCE_SECONDS: Final = 600.0
_TEXT: Final = 1
_BINARY: Final = 2
_CLOSE: Final = 8
_LAST: Final = 0x80
_MASKED: Final = 0x80
_MASK: Final = b"\x37\xfa\x21\x3d"
_CHUNK_BYTES: Final = 1 << 20

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one export, and how long it took from its first request to its result."""

    state: str
    sha256: str
    file_bytes: int
    seconds: float


def upload_over_http(address: str, metadata: Metadata, media_type: str, body: bytes) -> Outcome:
    """Create an export, send all of its rows in one body, and wait for the file."""
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=PATIENCE_SECONDS, blocksize=_CHUNK_BYTES)
    connection.connect()
    try:
        begun = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/exports", json.dumps(metadata), headers)
        created = _answer(connection)
        connection.request(
            "PUT",
            f"/v1/exports/{created['task_id']}/rows?finish=true",
            body,
            {"Content-Type": media_type, "Prefer": f"wait={PATIENCE_SECONDS:.0f}"},
        )
        return _outcome(_answer(connection), begun)
    finally:
        connection.close()


def _answer(connection: HTTPConnection) -> dict[str, Any]:
    response = connection.getresponse()
    text = response.read()
    if not 200 <= response.status < 300:  # noqa: PLR2004
        raise RuntimeError(f"{response.status}: {text.decode()}")
    document: dict[str, Any] = json.loads(text)
    return document


def _outcome(result: dict[str, Any], begun: float) -> Outcome:
    return Outcome(
        state=result["status"],
        sha256=result["checksum_sha256"],
        file_bytes=int(result["file_size_bytes"]),
        seconds=time.perf_counter() - begun,
    )


def masked_frames(messages: Sequence[bytes]) -> list[bytes]:
    """Encode binary messages as a client's frames (RFC 6455 §5.2)."""
    return [_frame(_BINARY, message) for message in messages]


def upload_over_websocket(
    address: str, metadata: Metadata, messages: Sequence[bytes], frames: Sequence[bytes]
) -> Outcome:
    """Send an export's batches as far as the credit goes, and wait for the file."""
    with _connected(address) as connection:
        begun = time.perf_counter()
        connection.send({"type": "metadata", "metadata": metadata})
        credit_bytes = connection.expect("task_created")["credit_bytes"]
        sent_bytes = 0
        for message, frame in zip(messages, frames, strict=True):
            sent_bytes += len(message)
            while sent_bytes > credit_bytes:
                credit_bytes = connection.expect("ack", "credit")["credit_bytes"]
            connection.socket.sendall(frame)
        connection.send({"type": "finish"})
        return _outcome(connection.expect("result"), begun)


class _Connection:
    """A WebSocket whose server sends short text frames."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._received = connected.makefile("rb")

    def shake_hands(self, address: str) -> None:
        request = (
            "GET / HTTP/1.1",
            f"Host: {address}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        )
        self.socket.sendall("".join(f"{line}\r\n" for line in (*request, "")).encode())
        status = self._received.readline()
        if b" 101 " not in status:
            raise RuntimeError(f"the handshake was refused: {status!r}")
        while self._received.readline().strip():
            pass

    def send(self, document: dict[str, Any]) -> None:
        self.socket.sendall(_frame(_TEXT, json.dumps(document).encode()))

    def expect(self, *types: str) -> dict[str, Any]:
        """Give the next frame of a type; what tells of the way there may come before it."""
        while True:
            document = self._next()
            if document["type"] in types:
                return document
            if document["type"] not in {"ack", "credit", "heartbeat"}:
                raise RuntimeError(str(document))

    def _next(self) -> dict[str, Any]:
        first, length = self._received.read(2)
        if first == _LAST | _CLOSE:
            raise RuntimeError("the service closed the connection")
        if length >= 126:  # noqa: PLR2004
            layout = ">H" if length == 126 else ">Q"  # noqa: PLR2004
            (length,) = struct.unpack(layout, self._received.read(struct.calcsize(layout)))
        document: dict[str, Any] = json.loads(self._received.read(length))
        return document


@contextmanager
def _connected(address: str) -> Iterator[_Connection]:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(connected)
        connection.shake_hands(address)
        yield connection


def _frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:  # noqa: PLR2004
        head = struct.pack(">BB", _LAST | opcode, _MASKED | length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", _LAST | opcode, _MASKED | 126, length)
    else:
        head = struct.pack(">BBQ", _LAST | opcode, _MASKED | 127, length)
    return head + _MASK + _masked(payload)


def _masked(payload: bytes) -> bytes:
    mask = (_MASK * (len(payload) // len(_MASK) + 1))[: len(payload)]
    both = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return both.to_bytes(len(payload), "big")


def request_id() -> str:
    """Give an idempotency key that nobody had."""
    return os.urandom(16).hex()
