"""The service's own transport and codec, on trio."""

import sys

import trio
from grpclib.const import Cardinality, Handler

from bench.doors.answer import HOST, PATH, answer, say_ready
from rowferry.v1 import export_pb2 as pb
from rowferry.wire.grpc_server import GrpcServer
from rowferry.wire.grpc_stream import CallStream
from rowferry.wire.request_codec import RawBatch, RequestCodec


class Service:
    """``Export``, and nothing behind it."""

    async def export(self, stream: CallStream) -> None:
        """Count bytes; metadata goes out first, as the service does it."""
        await stream.send_initial_metadata()
        received_bytes = 0
        while (message := await stream.recv_message()) is not None:
            if isinstance(message, RawBatch):
                received_bytes += len(message.buffer)
        await stream.send_message(answer(received_bytes))

    def __mapping__(self) -> dict[str, Handler]:
        """Return the method by its path."""
        types = (pb.ExportRequest, pb.ExportResponse)
        return {PATH: Handler(self.export, Cardinality.STREAM_STREAM, *types)}


async def main() -> None:
    """Serve until the standard input ends."""
    server = GrpcServer([Service()], codec=RequestCodec())
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(server.serve, HOST, 0)
        say_ready(port)
        await trio.to_thread.run_sync(sys.stdin.read, limiter=trio.CapacityLimiter(1))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
