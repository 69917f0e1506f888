"""A wake-up that can happen again and again."""

from collections.abc import Callable

import trio


class Signal:
    """Wakes whoever waits for a condition that somebody else may have made true.

    Everything runs on one thread, so nothing can change between the check and the wait.
    """

    def __init__(self) -> None:
        self._event = trio.Event()

    def notify(self) -> None:
        """Let all who wait look again."""
        if self._event.statistics().tasks_waiting:
            self._event.set()
            self._event = trio.Event()

    async def wait(self) -> None:
        """Wait for the next notify."""
        await self._event.wait()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; return at once, without a checkpoint, if it does."""
        while not condition():
            await self._event.wait()
