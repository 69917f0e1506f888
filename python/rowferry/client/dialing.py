"""The way to a service: a TCP connection, secured if asked for."""

import ssl

import trio

from rowferry.client.errors import ServiceUnreachable


async def dial(
    host: str, port: int, tls: ssl.SSLContext | None, *, timeout_seconds: float
) -> trio.abc.Stream:
    """Connect, and with ``tls`` agree on HTTP/2 by ALPN; raise ServiceUnreachable."""
    try:
        with trio.fail_after(timeout_seconds):
            stream = await trio.open_tcp_stream(host, port)
            return stream if tls is None else await _secure(stream, host, tls)
    except trio.TooSlowError as exc:
        raise ServiceUnreachable(f"{host}:{port} did not answer in time.") from exc
    except OSError as exc:
        raise ServiceUnreachable(f"{host}:{port} can't be reached: {exc}") from exc
    except trio.BrokenResourceError as exc:
        raise ServiceUnreachable(f"{host}:{port}: {exc.__cause__ or exc}") from exc


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
        raise ServiceUnreachable(f"{host} does not offer HTTP/2 (ALPN h2).")
    return secured
