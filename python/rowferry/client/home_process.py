"""Where something was made: a fork has a copy of it, and nothing that keeps it going."""

import os


class ForkedError(RuntimeError):
    """What a process has open was used in one that was forked from it."""


class HomeProcess:
    """The process in which this was made."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Tell whether this is that process, and no fork of it."""
        return os.getpid() == self._pid

    def check(self) -> None:
        """Raise ForkedError in a fork: the connection and the tasks stayed with the parent."""
        if not self.is_here:
            message = (
                f"It was opened by process {self._pid} and stays there: open one in the fork."
            )
            raise ForkedError(message)
