"""An HTTP listener on hypercorn that can always be stopped.

hypercorn speaks the protocols; accepting, stalled clients and the end are ours. hypercorn shields
its sends from cancellation, so a client that reads nothing would keep a service from stopping:
here a send that makes no progress for a while, or outlives the grace period, ends with its
connection.
"""

import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState

from rowferry.status.http_connections import Connections, GuardedStream
from rowferry.wire.asgi import AsgiApp

DEFAULT_GRACE_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("rowferry.http")

Stream = GuardedStream | trio.SSLStream[GuardedStream]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of PEM files: the certificate with its chain, and its private key."""

    certificate: str
    key: str


async def serve_http(
    app: AsgiApp,
    host: str,
    port: int,
    *,
    shutdown: trio.Event,
    tls: TlsFiles | None = None,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an ASGI application until ``shutdown`` is set; port 0 takes any free one.

    ``started`` gives the real host and port. After ``shutdown`` no connection is accepted, idle
    ones close at once, and requests have ``grace_seconds`` to end; then their connections break.
    Raises ``OSError`` when the address can't be had, ``ssl.SSLError`` for unusable TLS files.
    """
    tls_context = _tls_context(tls) if tls else None
    listeners = await trio.open_tcp_listeners(port, host=host)
    bound_host, bound_port = listeners[0].socket.getsockname()[:2]
    connections = Connections()
    context = WorkerContext(max_requests=None)
    serve_stream = partial(_serve_stream, _serve_with(app, context), connections, tls_context)
    async with trio.open_nursery() as handlers:
        try:
            async with trio.open_nursery() as accepting:
                await accepting.start(
                    partial(
                        trio.serve_listeners, serve_stream, listeners, handler_nursery=handlers
                    )
                )
                task_status.started((bound_host, bound_port))
                await shutdown.wait()
                accepting.cancel_scope.cancel()
            await context.terminated.set()
            with trio.move_on_after(grace_seconds):
                await connections.all_closed()
        finally:
            connections.abort_all()
            handlers.cancel_scope.cancel()


def _serve_with(app: AsgiApp, context: WorkerContext) -> Callable[[Stream], Awaitable[None]]:
    """Give what runs hypercorn on one connection."""
    wrapped = ASGIWrapper(cast("ASGIFramework", app))
    config = _hypercorn_config()

    async def serve(stream: Stream) -> None:
        # hypercorn uses of a stream what GuardedStream has
        await TCPServer(wrapped, config, context, ConnectionState({}), stream)  # type: ignore[arg-type]

    return serve


async def _serve_stream(
    serve: Callable[[Stream], Awaitable[None]],
    connections: Connections,
    tls_context: ssl.SSLContext | None,
    accepted: trio.SocketStream,
) -> None:
    """Serve one connection; whatever goes wrong in it stays in it."""
    with connections.guarded(accepted) as stream:
        try:
            await serve(_encrypted(stream, tls_context) if tls_context else stream)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client went away in the middle of something
        except* Exception:  # noqa: BLE001  one connection must not end the server
            _LOG.exception("A connection failed.")


def _encrypted(
    stream: GuardedStream, tls_context: ssl.SSLContext
) -> trio.SSLStream[GuardedStream]:
    return trio.SSLStream(stream, tls_context, server_side=True, https_compatible=True)


def _hypercorn_config() -> Config:
    config = Config()
    config.accesslog = None
    errors = logging.getLogger("hypercorn.error")
    errors.setLevel(logging.WARNING)
    config.errorlog = errors
    config.include_server_header = False
    config.read_timeout = None  # it would end slow downloads: it runs while an answer is sent
    return config


def _tls_context(tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # on HTTP/2 one stalled download would stall every other request of its connection
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(tls.certificate, tls.key)
    return context
