"""Silent tasks give their slot back: a client that thinks must not hold up one that sends."""

from collections.abc import Callable
from typing import Final

import trio

from rowferry.domain import events
from rowferry.export.live_task import LiveTask
from rowferry.export.slots import HeldSlot
from rowferry.export.task_journal import names
from rowferry.ports import Observer

SILENCE_SECONDS: Final = 5.0
PARKED_PER_SLOT: Final = 4


class Parking:
    """Keeps the writers of ``places`` silent tasks at most; then the longest silent loses its."""

    def __init__(self, places: int, observer: Observer) -> None:
        self._places = places
        self._observer = observer
        self._parked: dict[LiveTask, trio.CancelScope] = {}  # longest silent first

    def __len__(self) -> int:
        return len(self._parked)

    async def wait(self, live: LiveTask, slot: HeldSlot, more: Callable[[], bool]) -> bool:
        """Wait until ``more()`` with a slot in hand; False if the writer must be given up.

        For the first seconds of silence the slot is kept, unless the stream broke: then it is
        given back, and taken again ahead of the line when rows come.
        """
        with trio.move_on_after(SILENCE_SECONDS):
            await live.changed.wait_for(lambda: more() or live.stream_failure is not None)
        if more():
            return True
        slot.release()
        live.is_parked = True
        self._observer.observe(
            events.TaskParked(**names(live.task), rows_written=live.rows_written)
        )
        if not await self._wait_parked(live, more):
            return False
        await self.resume(live, slot)
        return True

    async def resume(self, live: LiveTask, slot: HeldSlot) -> None:
        """Take the slot again, ahead of the line: rows have come."""
        await slot.take_again()
        live.is_parked = False

    async def _wait_parked(self, live: LiveTask, more: Callable[[], bool]) -> bool:
        with trio.CancelScope() as eviction:
            self._parked[live] = eviction
            if len(self._parked) > self._places:
                longest_silent = next(iter(self._parked))
                self._parked.pop(longest_silent).cancel()
            try:
                await live.changed.wait_for(more)
            finally:
                self._parked.pop(live, None)
        return not eviction.cancelled_caught
