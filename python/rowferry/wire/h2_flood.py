"""Rates that tell a busy peer from a hostile one (RFC 9113 §10.5), without any I/O."""


class FloodGate:
    """Counts one kind of frame in windows of a second.

    The caller passes the time, in seconds of a monotonic clock.
    """

    __slots__ = ("_count", "_limit", "_window_start")

    def __init__(self, max_per_second: int) -> None:
        self._limit = max_per_second
        self._window_start = float("-inf")
        self._count = 0

    def overflows(self, now_seconds: float) -> bool:
        """Count one frame; True when its second has had more than the limit."""
        if now_seconds - self._window_start >= 1.0:
            self._window_start = now_seconds
            self._count = 0
        self._count += 1
        return self._count > self._limit

    def forgive(self) -> None:
        """Start counting anew: the peer has shown that it does work."""
        self._count = 0
