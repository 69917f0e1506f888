"""An HTTP client that writes byte by byte what it likes, on trio."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import h11
import trio

from rowferry.doors import Addresses

METADATA = {
    "format": "CSV",
    "filename": "orders",
    "columns": [{"name": "id", "data_type": "NUMBER"}, {"name": "name"}],
}


class Upload:
    """One request whose body is sent in chunks."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)

    async def begin(self, method: str, target: str, headers: Mapping[str, str]) -> None:
        """Send the head."""
        fields = [("host", "h"), ("transfer-encoding", "chunked"), *headers.items()]
        await self._send(h11.Request(method=method, target=target, headers=fields))

    async def send(self, piece: bytes) -> None:
        """Send more of the body; waits while the service does not read."""
        await self._send(h11.Data(data=piece))

    async def end(self) -> None:
        """Send the end of the body."""
        await self._send(h11.EndOfMessage())

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """Give the status and the JSON of the answer."""
        status, body = 0, b""
        while True:
            await trio.lowlevel.checkpoint()
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._stream.receive_some(65_536))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, json.loads(body)

    async def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        await self._stream.send_all(self._http.send(event) or b"")


@asynccontextmanager
async def uploading(
    addresses: Addresses, target: str, headers: Mapping[str, str], method: str = "PUT"
) -> AsyncIterator[Upload]:
    """Connect, and send the head of a request."""
    host, _, port = addresses.http.rpartition(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        upload = Upload(stream)
        await upload.begin(method, target, headers)
        yield upload


async def rows_arrive(addresses: Addresses, rows_address: str) -> None:
    """Wait until some rows of an export are kept."""
    target = rows_address.removesuffix("/rows")
    rows_received = 0
    while not rows_received:
        async with uploading(addresses, target, {}, "GET") as question:
            await question.end()
            _, document = await question.answer()
        rows_received = int(document["rows_received"])


async def create(addresses: Addresses, request_id: str) -> str:
    """Create an export of two columns; give the address of its rows."""
    headers = {"content-type": "application/json"}
    async with uploading(addresses, "/v1/exports", headers, "POST") as upload:
        await upload.send(json.dumps(METADATA | {"request_id": request_id}).encode())
        await upload.end()
        status, document = await upload.answer()
    assert status == 201
    return str(document["rows_url"])
