"""Acknowledgements go out beside the reading of rows, and never hold it up."""

from collections.abc import Awaitable, Callable

import trio

from rowferry.domain.batch import ACK_SILENCE_SECONDS, Ack, AckRule
from rowferry.export.signal import Signal


class AckSender:
    """Sends the newest ack when one is due; while the client reads nothing, acks only conflate.

    ``sync`` makes what an ack tells of safe: batches that arrive while it runs share the next one.
    """

    def __init__(
        self,
        rule: AckRule,
        *,
        sync: Callable[[], Awaitable[None]],
        wait_writable: Callable[[], Awaitable[None]],
        send: Callable[[Ack], Awaitable[None]],
    ) -> None:
        self._rule = rule
        self._sync = sync
        self._wait_writable = wait_writable
        self._send = send
        self._changed = Signal()
        self._flush = False
        self._closing = False

    def appended(self, ack: Ack) -> None:
        """Take note of rows that are in the log."""
        self._rule.appended(ack)
        self._changed.notify()

    def flush(self) -> None:
        """Send what is pending, if anything is, at once: the door pauses."""
        self._flush = self._rule.pending
        self._changed.notify()

    def close(self) -> None:
        """Let ``run`` send what is pending and return: the rows have ended."""
        self._closing = True
        self._changed.notify()

    async def run(self) -> None:
        """Send acks until closed; raise what ``sync`` raises."""
        while True:
            await self._changed.wait_for(lambda: self._rule.pending or self._closing)
            if not self._rule.pending:
                return
            await self._wait_until_due()
            await self._wait_writable()
            ack = self._rule.take()
            self._flush = False
            if ack is not None:
                await self._sync()
                await self._send(ack)

    async def _wait_until_due(self) -> None:
        """Wait for enough batches, a flush, the end, or a silence after the newest batch."""
        while not (self._rule.due or self._flush or self._closing):
            with trio.move_on_after(ACK_SILENCE_SECONDS):
                await self._changed.wait()
                continue
            return
