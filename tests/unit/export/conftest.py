"""The use cases over in-memory adapters, put together as the service does it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rowferry.composition import Adapters
from rowferry.config import Config
from rowferry.domain.spec import ExportSpec
from rowferry.ports import BatchMessage
from tests.unit.export.in_memory import (
    TWO_COLUMNS,
    EventNotes,
    Site,
    in_memory_adapters,
    numbered,
    small_config,
    with_settings,
)


@pytest.fixture
def encode() -> Callable[..., list[BatchMessage]]:
    return numbered


@pytest.fixture
def events() -> EventNotes:
    return EventNotes()


@pytest.fixture
def adapters(events: EventNotes) -> Adapters:
    return in_memory_adapters(events)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return small_config(tmp_path)


@pytest.fixture
def make_site(config: Config, adapters: Adapters, events: EventNotes) -> Callable[..., Site]:
    """Make a site, with other settings: ``make_site(concurrency={"task_queue_size": 1})``."""

    def make(**groups: dict[str, object]) -> Site:
        return Site(with_settings(config, **groups), adapters, events)

    return make


@pytest.fixture
async def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@pytest.fixture
def make_spec() -> Callable[..., ExportSpec]:
    """Describe a CSV file of two columns; what is named differs."""

    def make(request_id: str = "request", **fields: object) -> ExportSpec:
        return replace(TWO_COLUMNS, request_id=request_id, **fields)  # type: ignore[arg-type]

    return make
