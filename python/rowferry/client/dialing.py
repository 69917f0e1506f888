"""The way to a service: a TCP connection, secured if asked for."""

import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import trio

from rowferry.client.errors import TlsError, UnreachableError

# Seconds before the first probe, between probes, and their number (tcp(7)); milliseconds that
# sent data may stay unacknowledged.
_KEEP_ALIVE: Final[Mapping[str, int]] = MappingProxyType(
    {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
)


async def dial(
    host: str, port: int, tls: ssl.SSLContext | None, *, timeout_seconds: float
) -> trio.abc.Stream:
    """Connect, and with ``tls`` agree on HTTP/2 by ALPN; raise UnreachableError."""
    try:
        with trio.fail_after(timeout_seconds):
            stream = await trio.open_tcp_stream(host, port)
            _keep_alive(stream)
            return stream if tls is None else await _secure(stream, host, port, tls)
    except trio.TooSlowError as exc:
        raise UnreachableError(f"{host}:{port} did not answer in time.") from exc
    except OSError as exc:
        raise UnreachableError(f"{host}:{port} can't be reached: {_reason(exc)}") from exc


def broken(address: str, failure: trio.BrokenResourceError | trio.ClosedResourceError) -> str:
    """Say of which connection it was, and what broke it."""
    return f"The connection to {address} broke: {failure.__cause__ or failure}"


def is_refusal(failure: BaseException | None) -> bool:
    """Tell whether TLS was refused, by either side; a connection that was cut is no refusal."""
    cut = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    return isinstance(failure, ssl.SSLError) and not isinstance(failure, cut)


def _reason(failure: OSError) -> str:
    """Say what went wrong at each of a name's addresses: trio tells it in the cause alone."""
    causes: Sequence[object] = [failure.__cause__ or failure]
    if isinstance(failure.__cause__, BaseExceptionGroup):
        causes = failure.__cause__.exceptions
    return "; ".join(dict.fromkeys(_words(cause) for cause in causes))


def _words(cause: object) -> str:
    number = getattr(cause, "errno", None)
    # trio puts the address before the system's words; resolvers have numbers of their own, below 0
    return os.strerror(number) if isinstance(number, int) and number > 0 else str(cause)


def _keep_alive(stream: trio.SocketStream) -> None:
    """Have the system find out that the peer is gone without a word: within about a minute."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):  # other systems have other names
            stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def tls_context(
    ca_file: str | None = None, certificate: str | None = None, key: str | None = None
) -> ssl.SSLContext:
    """Trust ``ca_file`` (default: the system's authorities); show a certificate if given."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["h2"])
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


async def _secure(
    stream: trio.SocketStream, host: str, port: int, tls: ssl.SSLContext
) -> trio.SSLStream[trio.SocketStream]:
    secured = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
    try:
        await secured.do_handshake()
    except trio.BrokenResourceError as exc:
        await trio.aclose_forcefully(stream)
        kind = TlsError if is_refusal(exc.__cause__) else UnreachableError
        raise kind(broken(f"{host}:{port}", exc)) from exc
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    if secured.selected_alpn_protocol() != "h2":
        await trio.aclose_forcefully(stream)
        raise TlsError(f"{host}:{port} does not offer HTTP/2 (ALPN h2).")
    return secured
