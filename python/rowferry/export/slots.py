"""The slots in which rows are written: so many exports at once, the rest waits in line."""

import trio

from rowferry.export.signal import Signal


class Slots:
    """A capacity limiter with a fast lane for tasks that gave their slot back while silent.

    They wait in the limiter itself, which hands a released slot on to them; newcomers wait for a
    slot that nobody was handed.
    """

    def __init__(self, limiter: trio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._released = Signal()

    @property
    def in_use(self) -> int:
        """Slots that are held."""
        return self._limiter.borrowed_tokens

    @property
    def total(self) -> int:
        """Slots there are."""
        return int(self._limiter.total_tokens)

    async def wait_for_free(self) -> None:
        """Wait until a slot is free that nobody returns to, without taking it."""
        await self._released.wait_for(lambda: self._limiter.available_tokens >= 1)

    async def acquire(self, holder: object) -> None:
        """Take a slot when one is free and nobody returns to one; called by one task at a time."""
        await self.wait_for_free()
        self._limiter.acquire_on_behalf_of_nowait(holder)

    async def acquire_again(self, holder: object) -> None:
        """Take a slot ahead of all that wait in ``acquire``."""
        await self._limiter.acquire_on_behalf_of(holder)

    def release(self, holder: object) -> None:
        """Give a slot back."""
        self._limiter.release_on_behalf_of(holder)
        self._released.notify()


class HeldSlot:
    """One task's hold on a slot: given back when silent, when done, at the latest on exit."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.held = True

    async def take_again(self) -> None:
        """Take the slot back, ahead of the line."""
        if not self.held:
            await self._slots.acquire_again(self)
            self.held = True

    def release(self) -> None:
        """Give the slot back, if it is held."""
        if self.held:
            self.held = False
            self._slots.release(self)


async def take_slot(slots: Slots) -> HeldSlot:
    """Wait in line for a slot."""
    slot = HeldSlot(slots)
    await slots.acquire(slot)
    return slot
