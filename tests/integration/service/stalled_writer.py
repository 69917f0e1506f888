"""Writers that wait: what comes before them has to."""

import threading

import pytest

from rowferry.ports import FileSummary, RowWriter, Written
from rowferry.writers.registry import WriterRegistry


def stall_writers(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let every writer wait until the event is set."""
    proceed = threading.Event()
    registry_open = WriterRegistry.open
    monkeypatch.setattr(
        WriterRegistry,
        "open",
        lambda self, spec, path: _StalledWriter(registry_open(self, spec, path), proceed),
    )
    return proceed


class _StalledWriter:
    """A writer that waits until it may go on."""

    def __init__(self, inner: RowWriter, proceed: threading.Event) -> None:
        self._inner = inner
        self._proceed = proceed

    def write(self, frames: bytes) -> Written:
        assert self._proceed.wait(20)
        return self._inner.write(frames)

    def finish(self) -> FileSummary:
        return self._inner.finish()

    def close(self) -> None:
        self._inner.close()
