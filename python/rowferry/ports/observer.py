"""Who is told what happens."""

from typing import Protocol

from rowferry.domain.events import Event


class Observer(Protocol):
    """Told of every event, in order, on the event loop: returns at once and never raises."""

    def observe(self, event: Event) -> None:
        """Take note of an event."""
