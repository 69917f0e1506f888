"""A listening socket whose connections have a thread each; it can be closed for a while."""

import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Final

Handler = Callable[[Any, Any, Any], BaseHTTPRequestHandler]
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Connections(ThreadingTCPServer):
    """The open connections of a listening socket."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: Any, handler: Handler) -> None:  # noqa: ANN401
        self._open: Final[set[socket.socket]] = set()
        self._broken: Final[set[socket.socket]] = set()
        self._changed: Final = threading.Lock()
        super().__init__(address, handler, bind_and_activate=False)
        self.server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Give a connection a thread."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  as the library has it
        """End a connection, by its own thread."""
        with self._changed:
            self._open.discard(request)
            is_broken = request in self._broken
            self._broken.discard(request)
        if is_broken:
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Report what a connection's thread raised, but not clients that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def reset_at_end(self, connection: socket.socket) -> None:
        """Have a connection end by a RST, as those of a machine that crashed do."""
        with self._changed:
            self._broken.add(connection)

    def end_all(self) -> None:
        """Cut all connections."""
        with self._changed:
            connections = list(self._open)
        for connection in connections:
            # Its own thread may be closing it just now.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Listener:
    """Listens on loopback from ``open`` to ``close``; its port is kept from others meanwhile."""

    def __init__(self, port: int, handler: Handler) -> None:
        self._handler: Final = handler
        self._changed: Final = threading.RLock()
        self._connections = Connections(("127.0.0.1", port), handler)
        self._is_open = False

    @property
    def address(self) -> str:
        """Where it listens, or will: ``host:port``."""
        host, port = self._connections.server_address[:2]
        return f"{host!s}:{port}"

    def open(self) -> None:
        """Listen, if it does not."""
        with self._changed:
            if not self._is_open:
                self._is_open = True
                self._connections.server_activate()
                serve = self._connections.serve_forever
                threading.Thread(target=serve, args=(0.05,), name="accept", daemon=True).start()

    def close(self) -> None:
        """Refuse new connections and cut those that are open."""
        with self._changed:
            if self._is_open:
                self._is_open = False
                closed = self._connections
                closed.shutdown()
                closed.socket.close()
                closed.end_all()
                # Bound but not listening: it refuses, and nobody else can have the port.
                self._connections = Connections(closed.server_address, self._handler)
