"""What one thread tells another, of which only the newest counts."""

import threading
import time
from collections.abc import Iterator
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Newest(Generic[_Value]):
    """A place for one value: a newer one takes it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: _Value | None = None
        self._closed = False

    def tell(self, value: _Value) -> None:
        """Put a value there."""
        with self._changed:
            self._value = value
            self._changed.notify_all()

    def close(self) -> None:
        """Say that no more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> _Value | None:
        """Give the value that nobody has taken yet, if there is one."""
        with self._changed:
            value, self._value = self._value, None
            return value

    def until_closed(self, deadline: float) -> Iterator[_Value]:
        """Wait for values and give them until no more comes, or ``time.monotonic`` says so."""
        while True:
            with self._changed:
                left = min(deadline - time.monotonic(), threading.TIMEOUT_MAX)
                self._changed.wait_for(lambda: self._closed or self._value is not None, left)
                value, self._value = self._value, None
            if value is None:
                return
            yield value
