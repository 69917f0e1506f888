"""TLS of a port: a context made of PEM files, and made anew while the service runs.

A handshake takes the context that is in force when it begins; connections keep theirs.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

import trio

# RFC 9113 §9.2.2 forbids most TLS 1.2 suites; these are the ones left that clients have.
_TLS12_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
HTTP_1: Final = "http/1.1"
HTTP_2: Final = "h2"
_GOODBYE_SECONDS: Final = 1.0
_GOODBYE_BYTES: Final = 64 * 2**10

TlsSource: TypeAlias = Callable[[], ssl.SSLContext]
"""Gives the context for a new handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of PEM files: the certificate with its chain, its private key, clients' authorities.

    ``client_ca`` "" = no client is asked for a certificate. ``demands_certificate``: a handshake
    without one fails; else it is asked for, and a wrong one fails.
    """

    certificate: str
    key: str
    client_ca: str = ""
    demands_certificate: bool = False


class ServerTls:
    """The context of one port; it is a ``TlsSource``.

    Raises OSError for files that can't be read, ``ssl.SSLError`` for unusable ones.
    """

    def __init__(self, files: TlsFiles, protocol: str) -> None:
        self._protocol = protocol
        self._context = server_tls_context(files, protocol)

    def __call__(self) -> ssl.SSLContext:
        """Give the context in force."""
        return self._context

    def prepare(self, files: TlsFiles) -> Callable[[], None]:
        """Read other files; give what puts them in force. Blocking; raises as the constructor."""
        made = server_tls_context(files, self._protocol)

        def commit() -> None:
            self._context = made

        return commit


def server_tls_context(files: TlsFiles, protocol: str) -> ssl.SSLContext:
    """Make a server's context: TLS 1.2 or newer, one ALPN protocol.

    Raises:
        OSError: a file can't be read.
        ssl.SSLError: a file is not what it should be.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS12_CIPHERS)
    context.set_alpn_protocols([protocol])
    # an encrypted key is refused: without a password OpenSSL would ask the terminal and wait
    context.load_cert_chain(files.certificate, files.key, password="")
    if files.client_ca:
        context.load_verify_locations(files.client_ca)
        demanded = files.demands_certificate
        context.verify_mode = ssl.CERT_REQUIRED if demanded else ssl.CERT_OPTIONAL
    return context


async def shake_hands(
    stream: trio.SocketStream, context: ssl.SSLContext
) -> trio.SSLStream[trio.SocketStream]:
    """Do the TLS handshake as the server.

    Raises:
        trio.BrokenResourceError: the handshake failed; the peer was told why.

    """
    # https_compatible: clients close without waiting for our close_notify.
    secured = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
    try:
        await secured.do_handshake()
    except trio.BrokenResourceError:
        await _tell_why(secured)
        raise
    return secured


async def _tell_why(failed: trio.SSLStream[trio.SocketStream]) -> None:
    """Send the alert of a failed handshake (RFC 8446 §6.2), which trio leaves in its buffer.

    What the peer has sent meanwhile is read: unread, it would make the kernel send a reset, and
    the peer drop the alert.
    """
    stream = failed.transport_stream
    alert = failed._outgoing.read()  # noqa: SLF001  as trio 0.35 has it
    if not alert:
        return
    with (
        trio.move_on_after(_GOODBYE_SECONDS),
        suppress(trio.BrokenResourceError, trio.ClosedResourceError),
    ):
        await stream.send_all(alert)
        await stream.send_eof()
        while await stream.receive_some(_GOODBYE_BYTES):
            pass
