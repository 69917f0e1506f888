"""The bytes of messages in assembly and of rows read ahead, all exports together."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import trio

LARGE_BYTES: Final = 1 << 20  # what a connection assembles of its own; more of it is lent
PATIENCE_SECONDS: Final = 1.0  # for which nobody asks what others' loans are for
LENT_SECONDS: Final = 30.0  # in which a message comes that is lent its bytes while others wait


class _Lane:
    """A share of the budget: clients take turns, each client's own are served as they came."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._free = total_bytes
        self._waiting: dict[str, deque[tuple[int, trio.Event]]] = {}  # whose turn is next, first

    async def acquire(self, wanted: int, client: str) -> None:
        wanted = min(wanted, self._total)
        if not self._waiting and wanted <= self._free:
            self._free -= wanted
            return
        entry = (wanted, trio.Event())
        self._waiting.setdefault(client, deque()).append(entry)
        try:
            await self._wait(entry[1])
        except trio.Cancelled:
            if entry[1].is_set():
                self._free += wanted
            else:
                self._leave(client, entry)
            self._grant()
            raise

    async def _wait(self, granted: trio.Event) -> None:
        await granted.wait()

    def release(self, taken: int) -> None:
        self._free += min(taken, self._total)
        self._grant()

    def _leave(self, client: str, entry: tuple[int, trio.Event]) -> None:
        self._waiting[client].remove(entry)
        if not self._waiting[client]:
            del self._waiting[client]

    def _grant(self) -> None:
        while self._waiting:
            client, line = next(iter(self._waiting.items()))
            wanted, granted = line[0]
            if wanted > self._free:
                return
            line.popleft()
            del self._waiting[client]
            if line:
                self._waiting[client] = line  # behind the others
            self._free -= wanted
            granted.set()

    @property
    def used_bytes(self) -> int:
        return self._total - self._free

    @property
    def has_room(self) -> bool:
        return not self._waiting and self._free >= LARGE_BYTES


@dataclass(slots=True, eq=False, kw_only=True)
class _Loan:
    """A message's bytes while its client still sends it; ``arrived_bytes`` only grows."""

    size_bytes: int
    arrived_bytes: Callable[[], int]
    call_back: Callable[[], None]
    noted_seconds: float
    noted_bytes: int

    def is_stalled(self, now_seconds: float) -> bool:
        """Tell whether too little has come since it was last looked at."""
        arrived = self.arrived_bytes()
        came = arrived - self.noted_bytes
        due = self.size_bytes * (now_seconds - self.noted_seconds) / LENT_SECONDS
        self.noted_seconds, self.noted_bytes = now_seconds, arrived
        return came < due


class _LoanLane(_Lane):
    """A share of which bytes are lent: for good, as long as nobody waits for them."""

    def __init__(self, total_bytes: int) -> None:
        super().__init__(total_bytes)
        self._loans: set[_Loan] = set()

    def lend(self, loan: _Loan) -> None:
        self._loans.add(loan)

    def settle(self, loan: _Loan) -> None:
        self._loans.discard(loan)

    async def _wait(self, granted: trio.Event) -> None:
        while not granted.is_set():
            with trio.move_on_after(PATIENCE_SECONDS):
                await granted.wait()
                return
            self._call_back_what_stalls()

    def _call_back_what_stalls(self) -> None:
        now = trio.current_time()
        for loan in [each for each in self._loans if now - each.noted_seconds >= PATIENCE_SECONDS]:
            if loan.is_stalled(now):
                self.settle(loan)
                loan.call_back()


class ByteBudget:
    """Bounds the bytes in flight; whoever wants more waits, and clients take turns.

    Nobody waits for what somebody else's client keeps back. An eighth is for rows read ahead,
    three eighths are for messages that are here: they are held until they are appended, which
    waits for no client. One half is lent to messages whose rest is still to come, where that is
    more than their connection may hold by itself: a sender that stalls inside one loses it once
    others wait.
    """

    def __init__(self, total_bytes: int) -> None:
        self._read_ahead = _Lane(total_bytes // 8)
        self._lent = _LoanLane(total_bytes // 2)
        self._here = _Lane(total_bytes - total_bytes // 8 - total_bytes // 2)

    @property
    def used_bytes(self) -> int:
        """Bytes that are held now."""
        return sum(lane.used_bytes for lane in (self._read_ahead, self._here, self._lent))

    def open_account(self, client: str = "") -> "MessageAccount":
        """Start the account of one stream of a client's messages."""
        return MessageAccount(self._here, self._lent, client)

    def open_read_ahead(self) -> "ByteAccount":
        """Start the account of one reader of rows."""
        return ByteAccount(self._read_ahead, "")


class ByteAccount:
    """What one holder has of the budget: a context manager that gives everything back."""

    def __init__(self, lane: _Lane, client: str) -> None:
        self._lane = lane
        self._client = client
        self._held: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def can_hold_more(self) -> bool:
        """Tell whether a small piece fits at once: who holds some must not wait for more."""
        return self._lane.has_room

    async def acquire(self, size_bytes: int) -> None:
        """Wait until a piece of this size fits."""
        await self._lane.acquire(size_bytes, self._client)
        self._held.append(size_bytes)

    def release(self) -> None:
        """Give back all that was acquired."""
        for size_bytes in self._held:
            self._lane.release(size_bytes)
        self._held.clear()


class MessageAccount(ByteAccount):
    """What one stream of messages has of the budget; at most one message is lent its bytes."""

    def __init__(self, lane: _Lane, loans: _LoanLane, client: str) -> None:
        super().__init__(lane, client)
        self._loans = loans
        self._loan: _Loan | None = None

    async def borrow(
        self, size_bytes: int, arrived_bytes: Callable[[], int], call_back: Callable[[], None]
    ) -> None:
        """Wait until a message of this size, which is still to come, may be held.

        ``arrived_bytes`` tells how much of it is here. While others wait and it comes at less than
        a thirtieth of its size a second, ``call_back`` is called, once: then :meth:`release` is
        due. :meth:`keep` ends that.
        """
        await self._loans.acquire(size_bytes, self._client)
        self._loan = _Loan(
            size_bytes=size_bytes,
            arrived_bytes=arrived_bytes,
            call_back=call_back,
            noted_seconds=trio.current_time(),
            noted_bytes=arrived_bytes(),
        )
        self._loans.lend(self._loan)

    def keep(self) -> None:
        """Hold what was borrowed until the release: the message is here."""
        if self._loan is not None:
            self._loans.settle(self._loan)

    def release(self) -> None:
        """Give back all that was acquired or borrowed."""
        super().release()
        if self._loan is not None:
            self.keep()
            self._loans.release(self._loan.size_bytes)
            self._loan = None
