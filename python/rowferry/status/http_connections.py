"""The connections of an HTTP listener: none of them can outlive it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

STALLED_SECONDS: Final = 60.0


class GuardedStream(trio.abc.HalfCloseableStream):
    """A TCP connection whose sends fail when the peer takes nothing for ``STALLED_SECONDS``.

    ``abort`` ends everything that waits for the connection, shielded or not.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket: Final = stream.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything; the time limit is that of one step, not of the whole."""
        rest = memoryview(data)
        while rest:
            try:
                with trio.fail_after(STALLED_SECONDS):
                    sent = await self.socket.send(rest)
            except trio.TooSlowError as error:
                self.abort()
                raise trio.BrokenResourceError("The peer takes no data.") from error
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error
            rest = rest[sent:]

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the connection takes data."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive at most ``max_bytes``; b"" at the end."""
        return await self._stream.receive_some(max_bytes)

    async def send_eof(self) -> None:
        """Say that nothing more will be sent."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    def abort(self) -> None:
        """Close the connection under whoever uses it: they get ``ClosedResourceError``."""
        self.socket.close()


class Connections:
    """The open connections of one listener."""

    def __init__(self) -> None:
        self._open: set[GuardedStream] = set()
        self._changed = trio.Event()

    @contextmanager
    def guarded(self, stream: trio.SocketStream) -> Iterator[GuardedStream]:
        """Count a connection while it is served, and close it at the end."""
        guarded = GuardedStream(stream)
        self._open.add(guarded)
        try:
            yield guarded
        finally:
            guarded.abort()
            self._open.discard(guarded)
            self._changed.set()

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        while self._open:
            self._changed = trio.Event()
            await self._changed.wait()

    def abort_all(self) -> None:
        """Break every connection."""
        for stream in self._open:
            stream.abort()
