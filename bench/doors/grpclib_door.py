"""grpclib on asyncio: the usual pure-Python server."""

import asyncio
import sys
from typing import Any, Final

from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server, Stream

from bench.doors.answer import HOST, PATH, answer, say_ready
from rowferry.v1 import export_pb2 as pb

WINDOW_BYTES: Final = 4 << 20  # the service's for a connection


class BytesCodec(CodecBase):
    """Requests stay bytes."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:  # noqa: ANN401, ARG002
        """Serialise a reply."""
        encoded: bytes = message.SerializeToString()
        return encoded

    def decode(self, data: bytes, message_type: Any) -> bytes:  # noqa: ANN401, ARG002
        """Give the request as it is."""
        return data


class Service:
    """``Export``, and nothing behind it."""

    async def export(self, stream: Stream[bytes, pb.ExportResponse]) -> None:
        """Count bytes."""
        received_bytes = 0
        while (message := await stream.recv_message()) is not None:
            received_bytes += len(message)
        await stream.send_message(answer(received_bytes))

    def __mapping__(self) -> dict[str, Handler]:
        """Return the method by its path."""
        return {PATH: Handler(self.export, Cardinality.STREAM_STREAM, bytes, pb.ExportResponse)}


async def main() -> None:
    """Serve until the standard input ends."""
    windows = Configuration(
        http2_connection_window_size=WINDOW_BYTES, http2_stream_window_size=WINDOW_BYTES
    )
    server = Server([Service()], codec=BytesCodec(), config=windows)
    await server.start(HOST, 0)
    listener: Any = server._server  # noqa: SLF001  it has no other way to say its port
    say_ready(listener.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
