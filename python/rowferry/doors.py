"""The doors of the service: gRPC, HTTP and the operators' port, and how they open and close."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import trio

from rowferry.composition import Adapters, Exports, Limiters
from rowferry.config import Config
from rowferry.grpc_service import SERVICE_NAME, ExportService
from rowferry.ingest.content_coding import ContentCodings
from rowferry.ingest.grpc_create import GrpcCreateDoor
from rowferry.ingest.grpc_export import GrpcExportDoor
from rowferry.ingest.http_answers import EXPORTS_PATH, FINISH_PATH, ROWS_PATH
from rowferry.ingest.http_create import HttpCreateDoor
from rowferry.ingest.http_finish import HttpFinishDoor
from rowferry.ingest.http_one_shot import ONE_SHOT_PATH, HttpOneShotDoor
from rowferry.ingest.http_rows import HttpRowsDoor
from rowferry.ingest.http_uploads import HttpUploads
from rowferry.ingest.ongoing_calls import OngoingCalls
from rowferry.ingest.websocket_door import WEBSOCKET_PATH, WebSocketDoor, farewell
from rowferry.ingest.websocket_messages import SUBPROTOCOL
from rowferry.openapi.address import DOCUMENT_PATH, serve_openapi
from rowferry.port_tls import PortTls
from rowferry.status.downloads import Downloads
from rowferry.status.grpc_query import GrpcQueryDoor
from rowferry.status.http_api import api_methods, status_api
from rowferry.status.http_links import LINK_PATH
from rowferry.status.progress_events import EVENTS_PATH, ProgressEvents
from rowferry.status.progress_websocket import PROGRESS_PATH, ProgressSocket
from rowferry.telemetry.health import Check, OperatorsPort, Readiness, disk_check, in_thread
from rowferry.telemetry.operators_guard import Guard, nobody_asks, operators_guard
from rowferry.wire.asgi import AsgiApp
from rowferry.wire.asgi_routes import Route, Routes
from rowferry.wire.connection_limiter import ClientConnections, ConnectionLimiter
from rowferry.wire.cross_origin import CrossOrigin
from rowferry.wire.error_status import call_failure
from rowferry.wire.grpc_admission import admit_call
from rowferry.wire.grpc_health import HealthService, HealthState
from rowferry.wire.grpc_limits import GrpcLimits
from rowferry.wire.grpc_reflection import with_reflection
from rowferry.wire.grpc_server import GrpcServer
from rowferry.wire.http_limits import HttpLimits
from rowferry.wire.http_server import serve_http
from rowferry.wire.request_codec import RequestCodec
from rowferry.wire.tls import TlsSource
from rowferry.wire.websocket_handshake import HandshakeRules
from rowferry.wire.websocket_limits import WebSocketLimits
from rowferry.wire.websocket_server import WebSocketServer

Address = tuple[str, int]

# a door that waits for rows ends with its own answer before the connection does without one
BODY_MARGIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the doors really listen, each as ``host:port``."""

    grpc: str
    http: str
    websocket: str
    metrics: str


class Doors:
    """Builds each door; ``service.serve`` decides when they open and close."""

    def __init__(
        self, config: Config, adapters: Adapters, exports: Exports, limiters: Limiters
    ) -> None:
        self._config = config
        self._adapters = adapters
        self._exports = exports
        self._limiters = limiters
        self.readiness = Readiness()
        self.health = HealthState([SERVICE_NAME])
        self.tls = PortTls(config.security)
        self._client_connections = ClientConnections(
            lambda client: adapters.client_rules.rules(client).max_connections
        )
        self.grpc = self._grpc_server()
        self.http_calls = OngoingCalls()
        self.websocket = self._websocket_server()

    async def open_metrics(
        self, nursery: trio.Nursery, shutdown: trio.Event, exposition: Callable[[], bytes]
    ) -> Address:
        """Start the operators' port."""
        app = OperatorsPort(
            readiness=self.readiness,
            checks={
                "task_store": self._adapters.store.health,
                "storage": self._check(self._adapters.storages.main.health),
                "disk": self._check(
                    disk_check(
                        str(self._config.data_directory),
                        max(1, self._config.storage.min_free_bytes),
                    )
                ),
            },
            exposition=exposition,
            guard=self._operators_guard(),
        )
        port = self._config.monitoring.metrics_port
        return await self._open(nursery, shutdown, app, port, tls=self.tls.of("metrics"))

    def http_routes(self) -> Routes:
        """Give what the status port serves, each address with its application."""
        downloads = Downloads(
            tasks=self._adapters.store,
            storages=self._adapters.storages,
            links=self._adapters.links,
            clients=self._adapters.client_rules,
            clock=self._adapters.now,
            observer=self._adapters.observer,
            threads=self._limiters.download_threads,
            proxy_downloads=self._config.storage.proxy_downloads,
        )
        exports = self._exports
        api = status_api(exports.queries, exports.commands, self._adapters.observer)
        events = ProgressEvents(exports.progress, self._adapters.doorkeeper)
        return Routes(
            self._adapters.doorkeeper,
            routes=(
                Route(method="*", path=f"{LINK_PATH}*", app=downloads, is_public=True),
                Route(method="GET", path=DOCUMENT_PATH, app=serve_openapi, is_public=True),
                Route(method="HEAD", path=DOCUMENT_PATH, app=serve_openapi, is_public=True),
                *ingest_routes(
                    self._config, exports, self._adapters, self._limiters, self.http_calls
                ),
                Route(method="GET", path=EVENTS_PATH, app=events),
            ),
            websockets={
                PROGRESS_PATH: ProgressSocket(
                    exports.progress,
                    self._adapters.doorkeeper,
                    self._adapters.observer,
                    self._config.security.allowed_origins,
                )
            },
            fallback=cast("AsgiApp", api),
            fallback_methods=api_methods(api),
        )

    async def open_http(self, nursery: trio.Nursery, shutdown: trio.Event) -> Address:
        """Start the status port, and let the links point to it unless a public address is set."""
        app = CrossOrigin(self.http_routes(), self._config.security.allowed_origins)
        nursery.start_soon(self._exports.progress.run, shutdown)
        tls = self.tls.of("http")
        server = self._config.server
        limits = HttpLimits(
            body_timeout_seconds=server.idle_timeout_seconds + BODY_MARGIN_SECONDS,
        )
        address = await self._open(
            nursery,
            shutdown,
            app,
            server.status_port,
            tls=tls,
            limits=limits,
            places=self._places("http"),
        )
        if not self._adapters.links.public_url:
            scheme = "https" if tls else "http"
            self._adapters.links.public_url = f"{scheme}://{host_port(address)}"
        return address

    async def open_grpc(self, nursery: trio.Nursery) -> Address:
        """Start the gRPC door."""
        server = self._config.server
        address: Address = await nursery.start(self.grpc.serve, server.host, server.port)
        return address

    async def open_websocket(self, nursery: trio.Nursery) -> Address:
        """Start the WebSocket door."""
        server = self._config.server
        serve = partial(self.websocket.serve, server.host, server.websocket_port)
        address: Address = await nursery.start(serve)
        return address

    async def _open(
        self,
        nursery: trio.Nursery,
        shutdown: trio.Event,
        app: AsgiApp,
        port: int,
        *,
        tls: TlsSource | None,
        limits: HttpLimits | None = None,
        places: ConnectionLimiter | None = None,
    ) -> Address:
        serve = partial(
            serve_http,
            app,
            self._config.server.host,
            port,
            shutdown=shutdown,
            tls=tls,
            limits=limits,
            places=places,
        )
        address: Address = await nursery.start(serve)
        return address

    def _places(self, port_name: str) -> ConnectionLimiter:
        server = self._config.server
        return ConnectionLimiter(
            port_name,
            max_connections=server.max_connections,
            max_per_address=server.max_connections_per_address,
            clients=self._client_connections,
        )

    def _grpc_server(self) -> GrpcServer:
        queries = GrpcQueryDoor(
            self._exports.queries, self._exports.commands, self._exports.progress
        )
        creations = GrpcCreateDoor(self._exports.pull_requests)
        rows = GrpcExportDoor(self._exports.row_calls)
        service = ExportService(self._adapters.doorkeeper, rows, creations, queries)
        server = self._config.server
        return GrpcServer(
            with_reflection(
                [service, HealthService(self.health)],
                partial(admit_call, self._adapters.doorkeeper),
            ),
            codec=RequestCodec(),
            limits=GrpcLimits(
                max_message_bytes=server.max_message_bytes,
                idle_timeout_seconds=server.idle_timeout_seconds,
            ),
            places=self._places("grpc"),
            tls=self.tls.of("grpc"),
            translate=call_failure,
        )

    def _operators_guard(self) -> Guard:
        if not self._config.security.auth_enabled:
            return nobody_asks
        return operators_guard(self._adapters.doorkeeper)

    def _websocket_server(self) -> WebSocketServer:
        server = self._config.server
        return WebSocketServer(
            WebSocketDoor(self._exports.row_calls, self._adapters.doorkeeper),
            rules=HandshakeRules(
                paths=("/", WEBSOCKET_PATH),
                subprotocol=SUBPROTOCOL,
                allowed_origins=self._config.security.allowed_origins,
            ),
            limits=WebSocketLimits(max_message_bytes=server.max_message_bytes),
            places=self._places("websocket"),
            tls=self.tls.of("websocket"),
            translate=farewell,
        )

    def _check(self, check: Callable[[], None]) -> Check:
        return in_thread(check, self._limiters.upload_threads)


def ingest_routes(
    config: Config,
    exports: Exports,
    adapters: Adapters,
    limiters: Limiters,
    calls: OngoingCalls,
) -> tuple[Route, ...]:
    """Give the addresses of the HTTP port that take new exports and their rows in."""
    observer, bodies = adapters.observer, adapters.bodies
    create = HttpCreateDoor(exports.pull_requests, exports.push_requests, observer)
    codings = ContentCodings(config.spool.max_bytes_per_task, limiters.spool_threads)
    uploads = HttpUploads(
        exports.row_calls, exports.pushed_rows, calls, codings, adapters.doorkeeper
    )
    rows = HttpRowsDoor(uploads, bodies, observer)
    return (
        Route(method="POST", path=EXPORTS_PATH, app=create),
        Route(method="PUT", path=ROWS_PATH, app=rows),
        Route(method="HEAD", path=ROWS_PATH, app=rows),
        Route(method="POST", path=FINISH_PATH, app=HttpFinishDoor(uploads, observer)),
        Route(method="POST", path=ONE_SHOT_PATH, app=HttpOneShotDoor(uploads, bodies, observer)),
    )


def host_port(address: Address) -> str:
    """Write an address as ``host:port``; IPv6 hosts in brackets (RFC 3986 §3.2.2)."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
