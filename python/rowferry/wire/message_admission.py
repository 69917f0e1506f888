"""Where a transport asks whether it may hold a message: the place for a byte budget."""

from collections.abc import Callable
from typing import Protocol


class MessageAdmission(Protocol):
    """Asked once a message, and it waits for its turn.

    A receive that is cancelled after a message was admitted has the bytes still on its account.
    """

    async def admit(self, size_bytes: int) -> None:
        """Wait until a message may be held that is here."""

    async def admit_rest(self, size_bytes: int, arrived_bytes: Callable[[], int]) -> None:
        """Wait until a message may be held that is still being sent, of its whole size.

        What waits for a client may be taken from it when others want it: the receive that waits is
        cancelled then. ``arrived_bytes`` tells how much of it is here.
        """

    def note_progress(self) -> None:
        """Let the client's silence begin anew: bytes have come, of no message yet."""
