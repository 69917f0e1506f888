"""The way to a service: a TCP connection, secured if asked for."""

import ssl

import trio

from rowferry.client.errors import UnreachableError


async def dial(
    host: str, port: int, tls: ssl.SSLContext | None, *, timeout_seconds: float
) -> trio.abc.Stream:
    """Connect, and with ``tls`` agree on HTTP/2 by ALPN; raise UnreachableError."""
    try:
        with trio.fail_after(timeout_seconds):
            stream = await trio.open_tcp_stream(host, port)
            return stream if tls is None else await _secure(stream, host, tls)
    except trio.TooSlowError as exc:
        raise UnreachableError(f"{host}:{port} did not answer in time.") from exc
    except OSError as exc:
        raise UnreachableError(f"{host}:{port} can't be reached: {exc}") from exc
    except trio.BrokenResourceError as exc:
        raise UnreachableError(f"{host}:{port}: {exc.__cause__ or exc}") from exc


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
    stream: trio.SocketStream, host: str, tls: ssl.SSLContext
) -> trio.SSLStream[trio.SocketStream]:
    secured = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
    try:
        await secured.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    if secured.selected_alpn_protocol() != "h2":
        await trio.aclose_forcefully(stream)
        raise UnreachableError(f"{host} does not offer HTTP/2 (ALPN h2).")
    return secured
