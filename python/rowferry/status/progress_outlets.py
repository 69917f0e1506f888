"""The two ways to a watcher: bytes written straight into its connection, or fetched by a task."""

from collections.abc import Callable
from typing import Final

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.status.progress_messages import HEARTBEAT, task_frame
from rowferry.status.progress_update import Updates
from rowferry.wire.http_connections import GuardedStream
from rowferry.wire.websocket_frames import text_frame

HEARTBEAT_SECONDS: Final = 15.0
# What the kernel holds for a client that does not read is as old as the client is slow.
SEND_BUFFER_BYTES: Final = 64 << 10
WRITE_BYTES: Final = 16 << 10  # what one write is, for the sake of counting
# A message through the HTTP or gRPC server costs as much processor time as this many writes.
FETCH_COST: Final = 8
Check = Callable[[], object]
"""Raises what refuses a watcher, if it would not be let in any more."""


class _Conversation:
    """What both ways share: the service ends the conversation, which is held in ``scope``.

    While ``busy`` answers are on their way, which updates must not overtake.
    """

    def __init__(self, check: Check) -> None:
        self.busy = False
        self.scope: Final = trio.CancelScope()
        self.reason: RowferryError | None = None
        self.check: Final = check

    def close(self, reason: RowferryError) -> None:
        """End the conversation for a reason that is the service's."""
        self.reason = reason
        self.scope.cancel()


class WrittenOutlet(_Conversation):
    """A plain WebSocket connection, written to without a task: the same bytes go to all."""

    def __init__(self, stream: GuardedStream, check: Check) -> None:
        super().__init__(check)
        self._stream = stream
        self._written_at = trio.current_time()
        stream.bound_unread(SEND_BUFFER_BYTES)

    def is_ready(self) -> bool:
        """Tell whether what was written before has gone."""
        return not self.busy and self._stream.is_drained()

    def offer(self, updates: Updates) -> int:
        """Write updates as the frames of WebSocket messages."""
        frames = updates.joined(task_frame)
        self._write(frames)
        return 1 + len(frames) // WRITE_BYTES

    def tend(self) -> None:
        """Say something if nothing was said for a while."""
        self.check()
        if trio.current_time() - self._written_at >= HEARTBEAT_SECONDS and self.is_ready():
            self._write(text_frame(HEARTBEAT))

    def close(self, reason: RowferryError) -> None:
        """End the conversation; a client that does not read can't be told why."""
        if reason.code is ErrorCode.STREAM_IDLE:
            self._stream.abort()
        super().close(reason)

    def _write(self, frames: bytes) -> None:
        self._written_at = trio.current_time()
        self._stream.send_now(frames)


class FetchedOutlet(_Conversation):
    """Updates for a task that fetches them, when it has sent those before."""

    def __init__(self, check: Check) -> None:
        super().__init__(check)
        self._updates = Updates(())
        self._arrived: trio.Event | None = None

    def is_ready(self) -> bool:
        """Tell whether the task waits."""
        waits = self._arrived is not None and not self._arrived.is_set()
        return waits and not self.busy

    def offer(self, updates: Updates) -> int:
        """Hand updates to the task."""
        assert self._arrived is not None, "only who waits is offered something"  # noqa: S101
        self._updates = updates
        self._arrived.set()
        return FETCH_COST * len(updates.all)

    def tend(self) -> None:
        """Leave heartbeats to the task."""
        self.check()

    async def fetch(self) -> Updates:
        """Wait for updates, at most until the next heartbeat is due: then there are none."""
        self._arrived = trio.Event()
        self._updates = Updates(())
        with trio.move_on_after(HEARTBEAT_SECONDS):
            await self._arrived.wait()
        self._arrived = None
        return self._updates
