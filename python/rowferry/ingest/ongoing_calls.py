"""Calls that bring rows over a port that outlives them: they end before the exports do."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.signal import Signal


class OngoingCalls:
    """The calls that are under way; ``stop`` ends them."""

    def __init__(self) -> None:
        self._scopes: set[trio.CancelScope] = set()
        self._changed = Signal()
        self._is_stopping = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Run a call inside; raise SHUTTING_DOWN when it is ended by ``stop``, or after it."""
        if self._is_stopping:
            raise _shutting_down()
        scope = trio.CancelScope()
        self._scopes.add(scope)
        try:
            with scope:
                yield
        finally:
            self._scopes.discard(scope)
            self._changed.notify()
        if scope.cancelled_caught:
            raise _shutting_down()

    async def stop(self, grace_seconds: float) -> None:
        """Let nothing begin any more; end what has not ended by itself after so long."""
        with trio.move_on_after(grace_seconds):
            await self._all_ended()
        self._is_stopping = True
        for scope in self._scopes:
            scope.cancel()
        await self._all_ended()

    async def _all_ended(self) -> None:
        await self._changed.wait_for(lambda: not self._scopes)


def _shutting_down() -> RowferryError:
    message = "The service is shutting down: what was received is kept, go on later."
    return RowferryError(ErrorCode.SHUTTING_DOWN, message)
