"""Queries that pulled exports name, as operators write them down."""

from pathlib import Path

import msgspec
import pytest

from rowferry.config import shown_settings
from rowferry.config_groups import SqlColumn
from rowferry.config_loading import load
from rowferry.config_sources import ConfigError

PAGE = Path(__file__).parents[3] / "docs" / "providers.md"
URL = "postgresql+psycopg://me:password@shop/orders"


def _load(query: dict[str, object]) -> ConfigError:
    environment = {"ROWFERRY__PROVIDERS__SQL_QUERIES": msgspec.json.encode([query]).decode()}
    with pytest.raises(ConfigError) as refused:
        load(None, environment)
    return refused.value


def test_query_of_the_page_is_a_query(tmp_path: Path) -> None:
    example = PAGE.read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
    file = tmp_path / "config.toml"
    file.write_text(example, "utf-8")
    (query,) = load(file, {}).providers.sql_queries
    assert query.name == "orders"
    assert query.parameters["since"]["default"] == "2024-01-01"
    assert query.columns[2] == SqlColumn(name="Total", data_type="NUMBER", format="0.00")


def test_only_names_of_queries_are_shown() -> None:
    query = {"name": "orders", "statement": "SELECT 1", "url": URL}
    environment = {"ROWFERRY__PROVIDERS__SQL_QUERIES": msgspec.json.encode([query]).decode()}
    config = load(None, environment)
    assert shown_settings(config)["providers.sql_queries"] == ["orders"]
    assert "password" not in repr(config)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"name": "orders", "url": URL}, "missing required field `statement` - at `$[0]`"),
        ({"name": "two words", "statement": "SELECT 1", "url": URL}, "at `$[0].name`"),
        ({"name": "q", "statement": "SELECT 1", "url": "oracle://x"}, "at `$[0].url`"),
        ({"name": "q", "statement": "SELECT 1", "url": URL, "colums": []}, "`colums`"),
        ({"name": "q", "statement": "SELECT 1"}, "neither"),
        ({"name": "q", "statement": "SELECT 1", "url": URL, "url_file": "x"}, "both"),
    ],
)
def test_refusal_says_where_and_keeps_the_address(query: dict[str, object], told: str) -> None:
    text = str(_load(query))
    assert told in text
    assert "providers.sql_queries" in text.lower().replace("__", ".")
    assert "password" not in text
