"""The double's own time, which tests can move."""

import time


class Clock:
    """The system's clock, moved by some seconds."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        """Give the seconds since 1970."""
        return time.time() + self.offset_seconds
