"""What may answer behind an address, and is no service."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from h2.exceptions import ProtocolError

Answer = Callable[[socket.socket], None]
_RECEIVED_BYTES = 65_536


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Answer each connection, and close it then; give the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ProtocolError):
            answer(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_sockets.append(connection)
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for connection in open_sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def saying(message: bytes) -> Answer:
    """Say the same to everybody who has said anything, and hang up when he does."""

    def answer(connection: socket.socket) -> None:
        connection.recv(_RECEIVED_BYTES)
        connection.sendall(message)
        _read_to_the_end(connection)

    return answer


def saying_and_leaving(message: bytes) -> Answer:
    """Say the same to everybody who has said anything, and hang up."""

    def answer(connection: socket.socket) -> None:
        connection.recv(_RECEIVED_BYTES)
        connection.sendall(message)

    return answer


def http(status: str, content_type: str, body: bytes) -> Answer:
    """Give the same answer by HTTP/1.1."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}"
    return saying(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)


def silence(connection: socket.socket) -> None:
    """Take everything and say nothing."""
    _read_to_the_end(connection)


def bad_gateway_by_http2(connection: socket.socket) -> None:
    """Answer as a proxy does whose service is away."""
    http2 = H2Connection(H2Configuration(client_side=False))
    http2.initiate_connection()
    connection.sendall(http2.data_to_send())
    while received := connection.recv(_RECEIVED_BYTES):
        for event in http2.receive_data(received):
            if isinstance(event, RequestReceived):
                fields = [(":status", "502"), ("content-type", "text/html")]
                http2.send_headers(event.stream_id, fields)
                http2.send_data(event.stream_id, b"<h1>Bad Gateway</h1>", end_stream=True)
        connection.sendall(http2.data_to_send())


def _read_to_the_end(connection: socket.socket) -> None:
    while connection.recv(_RECEIVED_BYTES):
        pass
