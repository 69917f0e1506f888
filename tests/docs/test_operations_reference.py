"""docs/operations.md explains every event of the log and every metric."""

import inspect
import re
from pathlib import Path

from rowferry.domain import events
from rowferry.telemetry.metrics import Metrics

REFERENCE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_reference_has_a_row_for_every_event_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(_event_names())


def test_reference_has_a_row_for_every_metric_and_no_other() -> None:
    rows = re.findall(r"^\| `(rowferry_[a-z_]+)` \|", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(_metric_names())


def _event_names() -> list[str]:
    return [
        name
        for name, kind in inspect.getmembers(events, inspect.isclass)
        if issubclass(kind, events.Event) and not kind.__subclasses__()
    ]


def _metric_names() -> list[str]:
    metrics = Metrics(
        active_tasks=float, queued_tasks=float, resident_bytes=float, disk_free_bytes=float
    )
    return [
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in metrics.registry.collect()
    ]
