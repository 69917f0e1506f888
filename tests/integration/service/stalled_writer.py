"""Writers that wait: what comes before them has to."""

import threading
from typing import Final

import pytest
import trio

from rowferry.ports import FileSummary, RowWriter, Written
from rowferry.writers.registry import WriterRegistry

PATIENCE_SECONDS: Final = 50


class Stall:
    """Where every writer waits from its first rows on, until it may go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.proceed = threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.proceed.wait(PATIENCE_SECONDS)

    async def wait_until_reached(self) -> None:
        """Wait for the first writer: from then on its door knows how far ahead the rows are."""
        assert await trio.to_thread.run_sync(self.reached.wait, PATIENCE_SECONDS)


def stall_writers(monkeypatch: pytest.MonkeyPatch) -> Stall:
    """Let every writer wait."""
    stall = Stall()
    registry_open = WriterRegistry.open
    monkeypatch.setattr(
        WriterRegistry,
        "open",
        lambda self, spec, path: _StalledWriter(registry_open(self, spec, path), stall),
    )
    return stall


class _StalledWriter:
    """A writer that waits until it may go on."""

    def __init__(self, inner: RowWriter, stall: Stall) -> None:
        self._inner = inner
        self._stall = stall

    def write(self, frames: bytes) -> Written:
        self._stall.wait()
        return self._inner.write(frames)

    def finish(self) -> FileSummary:
        return self._inner.finish()

    def close(self) -> None:
        self._inner.close()
