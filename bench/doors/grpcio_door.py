"""grpcio's C core on asyncio: the fastest Python server there is."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc  # type: ignore[import-untyped]

from bench.doors.answer import HOST, LARGEST_MESSAGE_BYTES, PATH, answer, say_ready


async def export(requests: AsyncIterator[bytes], call: Any) -> None:  # noqa: ANN401  grpcio is untyped
    """Count bytes."""
    received_bytes = 0
    async for message in requests:
        received_bytes += len(message)
    await call.write(answer(received_bytes).SerializeToString())


async def main() -> None:
    """Serve until the standard input ends."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES)])
    service, method = PATH.strip("/").split("/")
    handlers = {method: grpc.stream_stream_rpc_method_handler(export)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    say_ready(port)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(main())
