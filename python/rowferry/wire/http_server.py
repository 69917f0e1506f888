"""An HTTP listener that can always be stopped, and that no peer can fill up.

hypercorn speaks HTTP/1.1; accepting, limits, stalled clients and the end are ours. Sends are
shielded from cancellation, so a client that reads nothing would keep a service from stopping:
here a send that makes no progress for a while, or outlives the grace period, ends with its
connection.
"""

import logging
import ssl
from functools import partial
from typing import Final

import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext

from rowferry.wire.asgi import AsgiApp
from rowferry.wire.connection_limiter import ConnectionLimiter, ConnectionPlace
from rowferry.wire.http_connection import HttpConnection
from rowferry.wire.http_connections import Connections, GuardedStream
from rowferry.wire.http_limits import HttpLimits
from rowferry.wire.tls import TlsSource

DEFAULT_GRACE_SECONDS: Final = 5.0
DEFAULT_CONNECTIONS: Final = 256
_LOG: Final = logging.getLogger("rowferry.http")


async def serve_http(
    app: AsgiApp,
    host: str,
    port: int,
    *,
    shutdown: trio.Event,
    tls: TlsSource | None = None,
    limits: HttpLimits | None = None,
    places: ConnectionLimiter | None = None,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an ASGI application until ``shutdown`` is set; port 0 takes any free one.

    ``started`` gives the real host and port. After ``shutdown`` no connection is accepted, idle
    ones close at once, and requests have ``grace_seconds`` to end; then their connections break.
    Raises ``OSError`` when the address can't be had.
    """
    listeners = await trio.open_tcp_listeners(port, host=host)
    bound_host, bound_port = listeners[0].socket.getsockname()[:2]
    places = places or ConnectionLimiter("http", max_connections=DEFAULT_CONNECTIONS)
    served = _Server(app, limits or HttpLimits(), tls, places)
    async with trio.open_nursery() as handlers:
        try:
            async with trio.open_nursery() as accepting:
                await accepting.start(
                    partial(
                        trio.serve_listeners, served.serve, listeners, handler_nursery=handlers
                    )
                )
                task_status.started((bound_host, bound_port))
                await shutdown.wait()
                accepting.cancel_scope.cancel()
            await served.stop()
            with trio.move_on_after(grace_seconds):
                await served.connections.all_closed()
        finally:
            served.connections.abort_all()
            handlers.cancel_scope.cancel()


class _Server:
    """What serves each connection of a listener."""

    def __init__(
        self,
        app: AsgiApp,
        limits: HttpLimits,
        tls: TlsSource | None,
        places: ConnectionLimiter,
    ) -> None:
        self._app = app
        self._limits = limits
        self._tls = tls
        self._config = _hypercorn_config(limits)
        self._context = WorkerContext(max_requests=None)
        self._places = places
        self._serving: set[HttpConnection] = set()
        self.connections = Connections()

    async def serve(self, accepted: trio.SocketStream) -> None:
        """Serve one connection; whatever goes wrong in it stays in it."""
        with self._places.place(accepted) as place, self.connections.guarded(accepted) as stream:
            try:
                if place is not None:
                    await self._serve(stream, place)
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client went away in the middle of something
            except* Exception:  # noqa: BLE001  one connection must not end the server
                _LOG.exception("A connection failed.")

    async def stop(self) -> None:
        """End idle connections, and the others behind the request that they are at."""
        await self._context.terminated.set()
        for connection in self._serving:
            connection.stop()

    async def _serve(self, stream: GuardedStream, place: ConnectionPlace) -> None:
        tls = self._tls
        connection = HttpConnection(
            self._app,
            _encrypted(stream, tls()) if tls else stream,
            config=self._config,
            context=self._context,
            limits=self._limits,
            # who sends the same to many may write to a connection without TLS directly
            state={"connection_place": place, "plain_stream": None if tls else stream},
        )
        self._serving.add(connection)
        try:
            await connection.run()
        finally:
            self._serving.discard(connection)


def _encrypted(
    stream: GuardedStream, tls_context: ssl.SSLContext
) -> trio.SSLStream[GuardedStream]:
    return trio.SSLStream(stream, tls_context, server_side=True, https_compatible=True)


def _hypercorn_config(limits: HttpLimits) -> Config:
    config = Config()
    config.accesslog = None
    errors = logging.getLogger("hypercorn.error")
    errors.setLevel(logging.WARNING)
    config.errorlog = errors
    config.include_server_header = False
    config.max_app_queue_size = 2  # pieces of a body that wait for the application
    config.websocket_max_message_size = limits.max_websocket_message_bytes
    return config
