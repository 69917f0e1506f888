"""The connections of an HTTP listener: none of them can outlive it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

STALLED_SECONDS: Final = 60.0


class GuardedStream(trio.abc.HalfCloseableStream):
    """A TCP connection whose sends fail when the peer takes nothing for ``STALLED_SECONDS``.

    ``send_now`` is for who sends the newest of something to many: it costs no task and no wait.
    ``abort`` ends everything that waits for the connection, shielded or not.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket: Final = stream.socket
        self._unsent = memoryview(b"")  # the end of what ``send_now`` began
        self._is_sending = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything; the time limit is that of one step, not of the whole."""
        self._is_sending = True
        try:
            unsent, self._unsent = self._unsent, memoryview(b"")
            await self._send(unsent)
            await self._send(memoryview(data))
        finally:
            self._is_sending = False

    async def _send(self, rest: memoryview) -> None:
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

    def is_drained(self) -> bool:
        """Tell whether all that was sent is on its way; send more of what is not, if it goes."""
        if self._unsent and not self._is_sending:
            self._unsent = self._unsent[self._write(self._unsent) :]
        return not self._is_sending and not self._unsent

    def send_now(self, data: bytes) -> None:
        """Send without waiting, on a connection that is drained.

        What does not go at once is sent before anything else. A connection that is lost shows to
        who reads from it.
        """
        self._unsent = memoryview(data)
        self.is_drained()

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self.socket.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError:
            self.abort()
            return len(data)

    def bound_unread(self, send_buffer_bytes: int) -> None:
        """Bound what the kernel keeps for a peer that does not read, and for how long it waits.

        A peer that is gone without a word is noticed even if little is sent to it (RFC 5482).
        """
        level, option = trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF
        self.socket.setsockopt(level, option, send_buffer_bytes)
        milliseconds = int(STALLED_SECONDS * 1000)
        self.socket.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_USER_TIMEOUT, milliseconds)

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
