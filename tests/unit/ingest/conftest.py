"""The rows' door over in-memory adapters, and streams of calls in memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.export.in_memory import (
    EventNotes,
    Site,
    in_memory_adapters,
    small_config,
    with_settings,
)


@pytest.fixture
def events() -> EventNotes:
    return EventNotes()


@pytest.fixture
def make_site(tmp_path: Path, events: EventNotes) -> Callable[..., Site]:
    def make(**groups: dict[str, object]) -> Site:
        config = with_settings(small_config(tmp_path), **groups)
        return Site(config, in_memory_adapters(events), events)

    return make


@pytest.fixture
async def site(make_site: Callable[..., Site]) -> Site:
    return make_site()
