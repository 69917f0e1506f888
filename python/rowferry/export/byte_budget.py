"""The bytes of messages in assembly and of rows read ahead, all exports together."""

from collections import deque
from collections.abc import Callable
from typing import Final, Self

import trio

LARGE_BYTES: Final = 1 << 20  # what is larger queues apart, so that it can't hold up the small


class _Lane:
    """A first-come-first-served share of the budget."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._free = total_bytes
        self._waiting: deque[tuple[int, trio.Event]] = deque()

    async def acquire(self, wanted: int) -> None:
        wanted = min(wanted, self._total)
        if not self._waiting and wanted <= self._free:
            self._free -= wanted
            return
        entry = (wanted, trio.Event())
        self._waiting.append(entry)
        try:
            await entry[1].wait()
        except trio.Cancelled:
            if entry in self._waiting:
                self._waiting.remove(entry)
            else:
                self._free += wanted
            self._grant()
            raise

    def release(self, taken: int) -> None:
        self._free += min(taken, self._total)
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            wanted, granted = self._waiting.popleft()
            self._free -= wanted
            granted.set()

    @property
    def used_bytes(self) -> int:
        return self._total - self._free

    @property
    def has_room(self) -> bool:
        return not self._waiting and self._free >= LARGE_BYTES


class ByteBudget:
    """Bounds the bytes in flight; whoever wants more waits in line.

    An eighth is for rows read ahead, so that no client can hold up the writing of files. The rest
    is for messages: one share for pieces up to 1 MiB, the other, one half of all, for larger ones.
    A piece holds its bytes until it is whole and appended and waits for nobody meanwhile, so there
    is always progress; a sender that stalls inside a large message delays other large ones only.
    """

    def __init__(self, total_bytes: int) -> None:
        self._read_ahead = _Lane(total_bytes // 8)
        self._large = _Lane(total_bytes // 2)
        self._small = _Lane(total_bytes - total_bytes // 8 - total_bytes // 2)

    @property
    def used_bytes(self) -> int:
        """Bytes that are held now."""
        return sum(lane.used_bytes for lane in (self._read_ahead, self._small, self._large))

    def open_account(self) -> "ByteAccount":
        """Start the account of one stream of messages."""
        return ByteAccount(self._message_lane)

    def open_read_ahead(self) -> "ByteAccount":
        """Start the account of one reader of rows."""
        return ByteAccount(lambda _: self._read_ahead)

    def _message_lane(self, size_bytes: int) -> _Lane:
        return self._small if size_bytes <= LARGE_BYTES else self._large


class ByteAccount:
    """What one holder has of the budget: a context manager that gives everything back."""

    def __init__(self, lane_of: Callable[[int], _Lane]) -> None:
        self._lane_of = lane_of
        self._held: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def can_hold_more(self) -> bool:
        """Tell whether a small piece fits at once: who holds some must not wait for more."""
        return self._lane_of(LARGE_BYTES).has_room

    async def acquire(self, size_bytes: int) -> None:
        """Wait until a piece of this size fits; FIFO among pieces of its lane."""
        await self._lane_of(size_bytes).acquire(size_bytes)
        self._held.append(size_bytes)

    def release(self) -> None:
        """Give back all that was acquired."""
        for size_bytes in self._held:
            self._lane_of(size_bytes).release(size_bytes)
        self._held.clear()
