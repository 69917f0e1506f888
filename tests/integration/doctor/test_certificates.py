"""A certificate that is not trusted is named as such, whichever library met it."""

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import trustme

from tests.integration.doctor.conftest import Doctor


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of handshakes that fail, which is what they are for."""


@pytest.fixture
def address() -> Iterator[str]:
    """A server behind TLS whose authority nobody knows."""
    http = Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    # a handshake that fails ends a thread of a connection, not the server
    http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.mark.parametrize(
    ("backend", "secret"), [("OSS", "ACCESS_KEY_SECRET"), ("S3", "SECRET_ACCESS_KEY")]
)
def test_certificate_that_is_not_trusted_is_named(
    doctor: Doctor, address: str, backend: str, secret: str
) -> None:
    diagnosis = doctor(
        {
            "STORAGE__BACKEND": backend.lower(),
            f"{backend}__ENDPOINT": address,
            f"{backend}__REGION": "cn-hangzhou",
            f"{backend}__BUCKET": "bucket",
            f"{backend}__ACCESS_KEY_ID": "id",
            f"{backend}__{secret}": "sesame",
        }
    )
    assert diagnosis.failed == dict.fromkeys(
        ["clock", "storage.put", "multipart.start"], "SSLError"
    )
    assert "sesame" not in diagnosis.text
