"""When a batch's acknowledgement is owed.

Acks are cumulative: one says that everything up to its sequence survives a crash. The structure
and the numbering of batches are judged where they are appended, in the spool's log.
"""

from dataclasses import dataclass
from typing import Final

ACK_SILENCE_SECONDS: Final = 0.2  # an ack that is not due yet goes out after so much silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Everything up to ``batch_sequence`` is kept: so many rows and payload bytes in all."""

    batch_sequence: int
    rows: int
    payload_bytes: int


class AckRule:
    """Decides when an ack is due: every ``ack_every`` batches, or when the door says so."""

    def __init__(self, ack_every: int, last_sequence: int = 0) -> None:
        self._ack_every = ack_every
        self._acked_sequence = last_sequence
        self._newest: Ack | None = None

    def appended(self, ack: Ack) -> None:
        """Take note of rows that are safe now; the newest ack replaces an older one."""
        self._newest = ack

    @property
    def pending(self) -> bool:
        """Tell whether something safe has not been acknowledged yet."""
        return self._newest is not None

    @property
    def due(self) -> bool:
        """Tell whether ``ack_every`` batches are waiting for their ack."""
        return (
            self._newest is not None
            and self._newest.batch_sequence - self._acked_sequence >= self._ack_every
        )

    def take(self) -> Ack | None:
        """Give the newest ack, once, to be sent."""
        ack, self._newest = self._newest, None
        if ack is not None:
            self._acked_sequence = ack.batch_sequence
        return ack
