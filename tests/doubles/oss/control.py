"""The control port: ``POST /<order>`` with its fields in JSON, ``GET /snapshot``."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

import msgspec

from tests.doubles.oss.listener import Listener
from tests.doubles.oss.orders import ORDERS, carry_out
from tests.doubles.oss.service import OssService
from tests.doubles.oss.snapshot import snapshot


class ControlConnection(BaseHTTPRequestHandler):
    """Serves one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, service: OssService, listener: Listener, *arguments: Any) -> None:  # noqa: ANN401
        self._service: Final = service
        self._listener: Final = listener
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Tell what is there."""
        if self.path == "/snapshot":
            self._send(HTTPStatus.OK, msgspec.json.encode(snapshot(self._service)))
        else:
            self._send(HTTPStatus.NOT_FOUND, b"There is /snapshot.")

    def do_POST(self) -> None:
        """Carry an order out."""
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        order_type = ORDERS.get(self.path.removeprefix("/"))
        if order_type is None:
            self._send(HTTPStatus.NOT_FOUND, f"There are {', '.join(ORDERS)}.".encode())
            return
        try:
            order = msgspec.json.decode(content, type=order_type)
        except msgspec.DecodeError as error:
            self._send(HTTPStatus.BAD_REQUEST, str(error).encode())
            return
        result = carry_out(order, self._service, self._listener)
        self._send(HTTPStatus.OK, msgspec.json.encode(result))

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def _send(self, status: HTTPStatus, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
