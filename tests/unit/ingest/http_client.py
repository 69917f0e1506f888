"""A client of the HTTP doors, over in-memory adapters."""

import io
from dataclasses import replace

import trio
from google.protobuf import proto

from rowferry.domain.access import Caller, Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.doors import ingest_routes
from rowferry.ingest.ongoing_calls import OngoingCalls
from rowferry.v1.export_pb2 import RecordBatch
from tests.unit.export.in_memory import CLIENT, Site
from tests.unit.ingest.memory_exchange import MemoryExchange, request_scope

JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv"}
NDJSON = {"content-type": "application/x-ndjson"}
FRAMES = {"content-type": "application/vnd.rowferry.record-batches"}
NEW_EXPORT = (
    b'{"request_id": "request", "format": "CSV", "filename": "orders",'
    b' "columns": [{"name": "id", "data_type": "NUMBER"}, {"name": "name"}]}'
)


class OneClient:
    """A doorkeeper who knows the client of these tests, until it keeps it out."""

    def __init__(self) -> None:
        self.keeps_out = False

    def admit(self, door: Door, credentials: Credentials) -> Caller:
        if self.keeps_out:
            raise RowferryError(ErrorCode.UNAUTHENTICATED, "The token was revoked.")
        return Caller(client=CLIENT)

    recognise = admit


class HttpClient:
    """Begins requests, and makes whole ones."""

    def __init__(self, site: Site, nursery: trio.Nursery) -> None:
        self.calls = OngoingCalls()
        self.doorkeeper = OneClient()
        self._site = site
        self._nursery = nursery
        self._routes = ingest_routes(
            site.config,
            site.exports,
            replace(site.adapters, doorkeeper=self.doorkeeper),
            site.limiters,
            self.calls,
        )

    def begin(
        self, method: str, target: str, headers: dict[str, str] | None = None
    ) -> MemoryExchange:
        exchange = MemoryExchange()
        app, scope = request_scope(self._routes, method, target, headers or {})
        self._nursery.start_soon(exchange.run, app, scope)
        return exchange

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> MemoryExchange:
        exchange = self.begin(method, target, headers)
        exchange.end(body)
        await exchange.ended.wait()
        return exchange

    async def create(self) -> str:
        """Create an export of two columns; give the address of its rows."""
        created = await self.ask("POST", "/v1/exports", NEW_EXPORT, JSON)
        assert created.status in {200, 201}, created.document
        return str(created.document["rows_url"])

    async def settled(self) -> None:
        await self._site.settled()


def framed(batch: bytes) -> bytes:
    """Put a batch's length before it, as protobuf's own libraries do."""
    frames = io.BytesIO()
    proto.serialize_length_prefixed(RecordBatch.FromString(batch), frames)
    return frames.getvalue()
