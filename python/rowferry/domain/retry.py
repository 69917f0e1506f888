"""When a failed task is tried again: exponential back-off with full jitter.

Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from dataclasses import dataclass
from typing import Final

from rowferry.domain.error_catalogue import CATALOGUE, TriedAgain
from rowferry.domain.errors import ErrorCode

# What may go well at another time, on another node; all else would fail in the same way again.
RETRYABLE: Final = frozenset(
    code for code, entry in CATALOGUE.items() if entry.tried_again is TriedAgain.BY_SERVICE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a task is tried in all, and how long is waited between two attempts."""

    max_attempts: int = 4
    base_seconds: float = 10.0
    cap_seconds: float = 900.0

    def delay_seconds(self, code: ErrorCode, attempt: int, chance: float) -> float | None:
        """Give the wait after attempt ``attempt`` failed, from a ``chance`` in [0, 1).

        None: it is not tried again, because of its failure or because it was tried enough.
        """
        if code not in RETRYABLE or attempt >= self.max_attempts:
            return None
        # the exponent is bounded, so that no number of attempts overflows
        ceiling = self.base_seconds * 2.0 ** min(max(attempt, 1) - 1, 60)
        return chance * min(self.cap_seconds, ceiling)
