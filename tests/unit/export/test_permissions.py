"""What a client may not make is refused before anything is made of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from rowferry.domain.access import ClientRules
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec, Sheet
from rowferry.providers.registry import ProviderRegistry
from tests.unit.export.in_memory import (
    CLIENT,
    TWO_COLUMNS,
    EventNotes,
    Site,
    in_memory_adapters,
    small_config,
)
from tests.unit.export.in_pieces import InPieces

PULLED = replace(
    TWO_COLUMNS,
    provider="in_pieces",
    parameters={"country": "DE"},
    sheets=(Sheet(name="Sheet1", columns=()),),
)


class Rules:
    """Rules of one client; the others have the usual ones."""

    def __init__(self, rules: ClientRules) -> None:
        self.of_client = rules

    def rules(self, client: str) -> ClientRules:
        return self.of_client if client == CLIENT else ClientRules()

    def is_enabled(self, client: str) -> bool:
        return bool(client)


def site_with(folder: Path, rules: Rules, provider: InPieces | None = None) -> Site:
    events = EventNotes()
    adapters = replace(
        in_memory_adapters(events),
        client_rules=rules,
        providers=ProviderRegistry([provider or InPieces()]),
    )
    return Site(small_config(folder), adapters, events)


PUSHES = [
    ("format", ClientRules(formats=frozenset({"EXCEL"}))),
    ("format", ClientRules(formats=frozenset())),
    ("columns", ClientRules(max_columns=1)),
]


@pytest.mark.parametrize(("field", "rules"), PUSHES)
async def test_a_pushed_export_that_is_not_allowed_leaves_nothing(
    tmp_path: Path, field: str, rules: ClientRules
) -> None:
    site = site_with(tmp_path, Rules(rules))
    with pytest.raises(RowferryError) as refusal:
        await site.exports.intake.open(CLIENT, TWO_COLUMNS)
    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert refusal.value.context["field"] == field
    assert site.remains() == []
    assert await site.adapters.store.find_request(CLIENT, TWO_COLUMNS.request_id) is None
    session = await site.open(TWO_COLUMNS, client="another")
    assert session.live.task.client == "another"


async def test_what_was_let_in_once_goes_on(tmp_path: Path) -> None:
    rules = Rules(ClientRules())
    site = site_with(tmp_path, rules)
    created = await site.open(TWO_COLUMNS)
    rules.of_client = ClientRules(formats=frozenset())
    assert (await site.open(TWO_COLUMNS)).live is created.live


PULLS = [
    ("provider", ClientRules(providers=frozenset())),
    ("provider", ClientRules(providers=frozenset({"another"}))),
    ("format", ClientRules(formats=frozenset({"EXCEL"}))),
    ("columns", ClientRules(max_columns=1)),  # which the provider names
]


@pytest.mark.parametrize(("field", "rules"), PULLS)
async def test_a_pulled_export_that_is_not_allowed_is_not_stored(
    tmp_path: Path, field: str, rules: ClientRules
) -> None:
    site = site_with(tmp_path, Rules(rules))
    with pytest.raises(RowferryError) as refusal:
        await site.exports.pull_intake.create(CLIENT, PULLED, None)
    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert refusal.value.context["field"] == field
    assert await site.adapters.store.find_request(CLIENT, PULLED.request_id) is None


async def test_a_named_provider_is_allowed(tmp_path: Path) -> None:
    site = site_with(tmp_path, Rules(ClientRules(providers=frozenset({"in_pieces"}))))
    task = await site.exports.pull_intake.create(CLIENT, PULLED, None)
    assert task.provider == "in_pieces"


@pytest.mark.parametrize(
    ("min_priority", "asked", "given"), [(100, 1, 100), (10, 1, 10), (10, 50, 50), (500, 100, 500)]
)
async def test_priorities_are_clamped_to_what_the_client_may_have(
    tmp_path: Path, min_priority: int, asked: int, given: int
) -> None:
    site = site_with(tmp_path, Rules(ClientRules(min_priority=min_priority)))
    spec: ExportSpec = replace(TWO_COLUMNS, priority=asked)
    session = await site.open(spec)
    assert session.live.task.priority == given
