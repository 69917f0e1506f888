"""An honest client beside an attack: whole exports over gRPC, questions over HTTP.

It is a process of its own: attackers keep theirs too busy to measure anything. It writes a line
for each round, the seconds it took.
"""

import sys
import uuid
from typing import Final

import trio

from rowferry.client.service_calls import ServiceCalls, open_calls
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.record_batches import encode_rows

PAUSE_SECONDS: Final = 0.02
_QUESTION: Final = b"GET /v1/exports?page_size=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Bystander:
    """Makes exports one after the other, and says how long each round took."""

    def __init__(self, grpc: str, http: str) -> None:
        self._grpc = _address(grpc)
        self._http = _address(http)

    async def run(self) -> None:
        """Go on until the process is ended; what is not answered as it should be is raised."""
        async with open_calls(*self._grpc) as client:
            while True:
                began = trio.current_time()
                await self._export(client)
                await self._ask()
                sys.stdout.write(f"{trio.current_time() - began:.3f}\n")
                sys.stdout.flush()
                await trio.sleep(PAUSE_SECONDS)

    async def _export(self, client: ServiceCalls) -> None:
        metadata = pb.ExportMetadata(
            request_id=uuid.uuid4().hex,
            filename="rows",
            format=pb.CSV,
            columns=[pb.ColumnDefinition(key="a", name="a")],
            wait_seconds=30,
        )
        result = await export_batches(client, metadata, [encode_rows([("1",)], 1)])
        assert result.status == pb.COMPLETED, result

    async def _ask(self) -> None:
        async with await trio.open_tcp_stream(*self._http) as stream:
            await stream.send_all(_QUESTION)
            answer = b""
            async for block in stream:
                answer += block
        assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    trio.run(Bystander(*sys.argv[1:]).run)
