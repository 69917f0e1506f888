"""Providers are found, told apart, and asked with parameters that they allow."""

from importlib.metadata import EntryPoint

import pytest

from rowferry.config_groups import Providers, SqlQuerySettings
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.providers import registry as registry_module
from rowferry.providers.configured import configured_providers
from rowferry.providers.registry import ProviderRegistry, ProviderSetupError, installed_providers
from tests.unit.export.in_pieces import COLUMNS, InPieces


class Incomplete:
    name = "incomplete"


class BadSchema(InPieces):
    parameter_schema = {"type": "no such type"}  # noqa: RUF012  a user's class


class Nameless(InPieces):
    name = ""


def test_parameters_are_checked_and_defaults_filled_in() -> None:
    given = {"country": "DE"}
    assert ProviderRegistry([InPieces()]).accept("in_pieces", given) == {
        "country": "DE",
        "limit": 10,
    }
    assert given == {"country": "DE"}  # whose hash tells the request again


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"country": 5}, "parameters.country"),
        ({"country": "D"}, "parameters.country"),
        ({"town": "Köln"}, "parameters"),
        ({"limit": "10"}, "parameters.limit"),
    ],
)
def test_refusal_names_the_parameter(parameters: dict[str, object], field: str) -> None:
    with pytest.raises(RowferryError) as refused:
        ProviderRegistry([InPieces()]).accept("in_pieces", parameters)
    assert refused.value.code is ErrorCode.INVALID_METADATA
    assert refused.value.context["field"] == field
    assert refused.value.message.startswith(field)


def test_unknown_provider_is_refused_with_those_there_are() -> None:
    with pytest.raises(RowferryError) as refused:
        ProviderRegistry([InPieces()]).accept("in_piece", {})
    assert refused.value.code is ErrorCode.INVALID_METADATA
    assert refused.value.context == {
        "field": "provider",
        "expected": "in_pieces",
        "got": "in_piece",
    }
    with pytest.raises(RowferryError, match="no data provider"):
        ProviderRegistry().accept("any", {})


def test_columns_are_the_provider_s() -> None:
    assert ProviderRegistry([InPieces()]).columns("in_pieces", {}) == COLUMNS


@pytest.mark.parametrize(
    "providers",
    [[InPieces(), InPieces()], [Incomplete()], [BadSchema()], [Nameless()]],
)
def test_providers_that_can_not_be_used_are_told_at_the_start(providers: list[InPieces]) -> None:
    with pytest.raises(ProviderSetupError):
        ProviderRegistry(providers)


@pytest.mark.parametrize(
    "value",
    ["tests.unit.providers.nowhere:Class", "tests.unit.export.in_pieces:Nothing", "builtins:map"],
)
def test_package_whose_provider_can_not_be_loaded_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    entry = EntryPoint("shop", value, registry_module.ENTRY_POINT_GROUP)
    found = {registry_module.ENTRY_POINT_GROUP: [entry]}
    monkeypatch.setattr(registry_module, "entry_points", lambda *, group: found[group])
    with pytest.raises(ProviderSetupError, match="'shop'"):
        installed_providers()


def test_query_s_address_may_stand_in_a_file(tmp_path: object) -> None:
    settings = SqlQuerySettings(name="q", statement="SELECT 1", url_file=f"{tmp_path}/url")
    with pytest.raises(ProviderSetupError, match="url_file"):
        configured_providers(Providers(sql_queries=(settings,)))
