"""What is received of a request's body before anybody takes it."""

import tracemalloc

import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.ingest.request_body import READ_AHEAD_BYTES, RequestBody
from rowferry.wire.asgi import Message

SMALL_PIECE = b"ab" * 16


async def test_small_pieces_cost_little_more_than_their_bytes(nursery: trio.Nursery) -> None:
    async def receive() -> Message:
        await trio.lowlevel.checkpoint()
        return {"type": "http.request", "body": bytearray(SMALL_PIECE), "more_body": True}

    body = RequestBody(receive)
    tracemalloc.start()
    try:
        nursery.start_soon(body.run, nursery.cancel_scope.cancel)
        nursery.start_soon(body.grow)
        await wait_all_tasks_blocked()
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert body.size_bytes == READ_AHEAD_BYTES
    assert held_bytes < 2 * READ_AHEAD_BYTES
    assert body.take() == SMALL_PIECE * (READ_AHEAD_BYTES // len(SMALL_PIECE))
