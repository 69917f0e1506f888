"""A network that loses the rest of a request: one direction of the connection ends, only that."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PIECE_BYTES: Final = 64 * 1024


class HalfClosingNetwork:
    """Forwards connections to ``target``; the first ``cut_behind`` is all that comes.

    The connection's other direction stays open: what the service answers gets through.
    """

    def __init__(self, target: str, cut_behind: bytes) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._cut_behind = cut_behind
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.cuts = 0

    @classmethod
    @contextmanager
    def before(cls, target: str, cut_behind: bytes) -> Iterator["HalfClosingNetwork"]:
        """Forward until the block ends."""
        network = cls(target, cut_behind)
        accepting = threading.Thread(target=network._accept)
        accepting.start()
        try:
            yield network
        finally:
            network._listener.shutdown(socket.SHUT_RDWR)
            network._listener.close()
            accepting.join()
            for end in network._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            for thread in network._threads:
                thread.join()
            for end in network._ends:
                end.close()

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                service = socket.create_connection(self._target)
                self._ends += [client, service]
                for work, ends in ((self._forward, (client, service)), (_pump, (service, client))):
                    self._threads.append(threading.Thread(target=work, args=ends))
                    self._threads[-1].start()

    def _forward(self, client: socket.socket, service: socket.socket) -> None:
        seen = b""
        with contextlib.suppress(OSError):
            while piece := client.recv(_PIECE_BYTES):
                before, seen = len(seen), seen[-len(self._cut_behind) :] + piece
                end = self._end_of_cut(seen)
                if end:
                    service.sendall(piece[: max(0, end - min(before, len(self._cut_behind)))])
                    break
                service.sendall(piece)
            service.shutdown(socket.SHUT_WR)
            while client.recv(_PIECE_BYTES):
                pass  # lost

    def _end_of_cut(self, seen: bytes) -> int:
        """Tell where the connection ends, 0 = it goes on."""
        with self._lock:
            at = -1 if self.cuts else seen.find(self._cut_behind)
            self.cuts += at >= 0
            return at + len(self._cut_behind) if at >= 0 else 0


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
