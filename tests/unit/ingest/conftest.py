"""A call's stream in memory: what a client sends is put in, what it gets is looked at."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from rowferry.v1 import export_pb2 as pb


class MemoryCallStream:
    """The part of ``CallStream`` that the rows' door uses.

    Messages are (size, message); an exception in a message's place is raised.
    """

    def __init__(self) -> None:
        self.body_admission: Callable[[int], Awaitable[None]] | None = None
        self.sent: list[Any] = []
        self.send, self._receive = trio.open_memory_channel[tuple[int, object]](100)
        self.reads = trio.Event()
        self.reads.set()
        self.headers_sent = False

    async def send_initial_metadata(self) -> None:
        await trio.lowlevel.checkpoint()
        self.headers_sent = True

    async def recv_message(self) -> object:
        try:
            size_bytes, message = await self._receive.receive()
        except trio.EndOfChannel:
            return None
        assert self.body_admission is not None
        await self.body_admission(size_bytes)
        if isinstance(message, Exception):
            raise message
        return message

    def buffered_message_ready(self) -> bool:
        return self._receive.statistics().current_buffer_used > 0

    async def wait_writable(self) -> None:
        await self.reads.wait()

    async def send_message(self, message: object) -> None:
        await self.reads.wait()
        await trio.lowlevel.checkpoint()
        self.sent.append(message)

    def put(self, message: object, size_bytes: int = 100) -> None:
        """Send a message as the client."""
        self.send.send_nowait((size_bytes, message))

    def results(self) -> list[pb.ExportResult]:
        return [m.result for m in self.sent if m.HasField("result")]

    def acks(self) -> list[int]:
        return [m.ack.batch_sequence for m in self.sent if m.HasField("ack")]


@pytest.fixture
async def stream() -> MemoryCallStream:
    return MemoryCallStream()
