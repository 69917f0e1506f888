"""A network between client and service that can be cut: a TCP proxy on loopback."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PIECE_BYTES: Final = 64 * 1024
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class CutNetwork:
    """Forwards connections to ``target``; a connection can be reset, or lost at one end only."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._clients: set[socket.socket] = set()
        self._services: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._bytes_left = 0
        self._cuts_to_come: list[int] = []
        self._silent = False
        self._down = self._ends_down = False

    @classmethod
    @contextmanager
    def before(cls, target: str) -> Iterator["CutNetwork"]:
        """Forward until the block ends."""
        network = cls(target)
        network._spawn(network._accept)
        try:
            yield network
        finally:
            network._listener.shutdown(socket.SHUT_RDWR)
            network._listener.close()
            network.reset()
            for thread in network._threads:
                thread.join()

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def cuts_to_come(self) -> int:
        """How many of the resets that were ordered have not happened."""
        with self._lock:
            return len(self._cuts_to_come) + (self._bytes_left > 0)

    def reset_after(self, size_bytes: int, *, times: int = 1) -> None:
        """Reset everything once so many more bytes came from clients, and then so often again."""
        with self._lock:
            self._bytes_left = size_bytes
            self._cuts_to_come = [size_bytes] * (times - 1)

    def reset(self) -> None:
        """Reset every connection at both ends."""
        with self._lock:
            for end in self._clients | self._services:
                _reset(end)
            self._clients.clear()
            self._services.clear()

    @contextmanager
    def down(self, *, after_bytes: int = 0) -> Iterator[None]:
        """Reset every connection, and each that comes, until the block ends.

        ``after_bytes``: not before so many more bytes came from clients.
        """
        self._ends_down = True
        if after_bytes:
            self.reset_after(after_bytes)
        else:
            self._down = True
            self.reset()
        try:
            yield
        finally:
            self._down = self._ends_down = False

    def lose_clients(self) -> None:
        """Reset the clients' ends and say nothing of it to the service: half-open connections."""
        with self._lock:
            self._silent = True
            for end in self._clients:
                _reset(end)
            self._clients.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._down:
                _reset(client)
                continue
            service = socket.create_connection(self._target)
            with self._lock:
                self._silent = False
                self._clients.add(client)
                self._services.add(service)
            self._spawn(self._pump, client, service)
            self._spawn(self._pump, service, client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        from_client = source in self._clients
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                sink.sendall(piece)
                if from_client and self._is_used_up(len(piece)):
                    self._down = self._ends_down
                    self.reset()
            if not self._silent:
                sink.shutdown(socket.SHUT_WR)

    def _is_used_up(self, size_bytes: int) -> bool:
        with self._lock:
            before, self._bytes_left = self._bytes_left, self._bytes_left - size_bytes
            is_used_up = before > 0 >= self._bytes_left
            if is_used_up and self._cuts_to_come:
                self._bytes_left = self._cuts_to_come.pop()
            return is_used_up

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="cut network")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _reset(end: socket.socket) -> None:
    """Close with RST; a thread that waits in ``recv`` wakes up."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        end.shutdown(socket.SHUT_RD)
    end.close()
