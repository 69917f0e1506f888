"""Many watchers of ``/v1/progress`` in one process: ``python -m bench.progress_watchers``.

Arguments: the service's ``host:port``, how many watchers. Prints a line once all watch, and, told
to stop by the end of its input, what they heard as JSON. It reads as little as it may: client and
service share the machine.
"""

import json
import re
import selectors
import socket
import sys
from dataclasses import dataclass, field
from typing import Final

_HANDSHAKE: Final = (
    b"GET /v1/progress HTTP/1.1\r\nhost: %b\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"sec-websocket-protocol: rowferry.progress.v1\r\n\r\n"
)
_WISH: Final = b'{"type":"subscribe","all":true}'
# masked with zeros, as RFC 6455 §5.3 lets a client that has nothing to fear from proxies
_SUBSCRIPTION: Final = bytes([0x81, 0x80 | len(_WISH), 0, 0, 0, 0]) + _WISH
_TASK: Final = b'"type":"task"'
_COMPLETED: Final = re.compile(rb'"task_id":"([0-9a-f]{32})","status":"COMPLETED"')
_LONGEST_SIGN: Final = 100  # bytes that may be cut off by the end of what was received
_SETTLED_SECONDS: Final = 3.0  # the last updates are on their way yet


@dataclass(slots=True, eq=False)
class Watcher:
    """One connection."""

    connection: socket.socket
    tail: bytes = b""
    messages: int = 0
    received_bytes: int = 0
    completed: set[bytes] = field(default_factory=set)

    def receive(self) -> None:
        """Take what has come."""
        data = self.connection.recv(1 << 18)
        if not data:
            raise ConnectionError("the service closed a connection")
        self.received_bytes += len(data)
        self.messages += data.count(_TASK)
        self.completed.update(_COMPLETED.findall(self.tail + data))
        self.tail = data[-_LONGEST_SIGN:]


def main() -> None:
    """Watch until the input ends."""
    address, count = sys.argv[1], int(sys.argv[2])
    watchers = [Watcher(_connected(address)) for _ in range(count)]
    selector = selectors.EpollSelector()
    for watcher in watchers:
        selector.register(watcher.connection, selectors.EVENT_READ, watcher)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    print(json.dumps({"watching": count}), flush=True)  # noqa: T201
    _receive(selector)
    completed = [len(watcher.completed) for watcher in watchers]
    print(  # noqa: T201
        json.dumps(
            {
                "messages": sum(watcher.messages for watcher in watchers),
                "received_bytes": sum(watcher.received_bytes for watcher in watchers),
                "fewest_final_states": min(completed),
            }
        )
    )


def _connected(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(_HANDSHAKE % address.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    if b" 101 " not in answer:
        raise ConnectionError(answer.decode("latin-1"))
    connection.sendall(_SUBSCRIPTION)
    while b'"snapshot"' not in answer:
        answer += connection.recv(4096)
    return connection


def _receive(selector: selectors.EpollSelector) -> None:
    """Receive until the input has ended and nothing comes any more."""
    timeout: float | None = None
    while events := selector.select(timeout):
        for key, _ in events:
            if key.data is None:
                selector.unregister(sys.stdin)
                timeout = _SETTLED_SECONDS
            else:
                key.data.receive()


if __name__ == "__main__":
    main()
