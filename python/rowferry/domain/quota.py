"""What clients may use up: requests a second, rows and bytes a day. The caller passes the time."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Rows received, and the bytes of their batches."""

    rows: int = 0
    payload_bytes: int = 0

    def __add__(self, other: Self) -> "Usage":
        """Add up."""
        return Usage(
            rows=self.rows + other.rows, payload_bytes=self.payload_bytes + other.payload_bytes
        )

    def reaches(self, rows: int, payload_bytes: int) -> bool:
        """Tell whether one of two limits is used up; 0 = there is none."""
        return (0 < rows <= self.rows) or (0 < payload_bytes <= self.payload_bytes)


class TokenBucket:
    """Lets so many through a second, and ``burst`` at once after a pause.

    ``burst`` 0 = what a second lets through, at least 1.
    """

    __slots__ = ("_burst", "_filled_at", "_per_second", "_tokens")

    def __init__(self, per_second: float, burst: int, now_seconds: float) -> None:
        self._per_second = per_second
        self._burst = float(burst or max(1, math.ceil(per_second)))
        self._tokens = self._burst
        self._filled_at = now_seconds

    def wait_seconds(self, now_seconds: float) -> float:
        """Take a token: 0; or take none and give the time until there is one."""
        self._fill(now_seconds)
        if self._tokens < 1:
            return (1 - self._tokens) / self._per_second
        self._tokens -= 1
        return 0.0

    def is_full(self, now_seconds: float) -> bool:
        """Tell whether forgetting the bucket would change nothing."""
        self._fill(now_seconds)
        return self._tokens >= self._burst

    def _fill(self, now_seconds: float) -> None:
        gained = (now_seconds - self._filled_at) * self._per_second
        self._tokens = min(self._burst, self._tokens + gained)
        self._filled_at = now_seconds


def day_of(moment: datetime) -> str:
    """Name the UTC day of a moment, as ISO 8601 does."""
    return moment.astimezone(UTC).date().isoformat()


def seconds_of_day_left(moment: datetime) -> float:
    """Give the time until midnight UTC."""
    today = moment.astimezone(UTC)
    midnight = datetime.combine(today.date() + timedelta(days=1), time(), UTC)
    return (midnight - today).total_seconds()
