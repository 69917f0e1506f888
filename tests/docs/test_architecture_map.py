"""The map of docs/architecture.md is of this tree: its places are there, no package is missing."""

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGE = ROOT / "python" / "rowferry"
# the page names files as its paragraphs do: below the package, the core, a package of either
BASES = [
    ROOT,
    PACKAGE,
    PACKAGE / "client",
    PACKAGE / "cli",
    *(ROOT / "rust").glob("*"),
    ROOT / "rust/rowfile/src",
    ROOT / "clients/php/src",
]
FILE = re.compile(
    r"`((?:[\w.*-]+/)*[\w*-]+\.(?:py|rs|proto)|(?:[\w.*{},-]+/)+(?:[\w{},-]+\.py)?)`"
)


def _alternatives(name: str) -> list[str]:
    """Write ``a/{b,c}.py`` out."""
    before, brace, rest = name.partition("{")
    if not brace:
        return [name]
    inner, _, after = rest.partition("}")
    return [f"{before}{each}{after}" for each in inner.split(",")]


NAMED = sorted(set(chain.from_iterable(map(_alternatives, FILE.findall(PAGE)))))


def _is_there(name: str) -> bool:
    anywhere = "/" not in name and any(PACKAGE.glob(f"*/{name}"))
    return anywhere or any(any(base.glob(name.rstrip("/"))) for base in BASES)


def test_there_are_places_to_check() -> None:
    assert len(NAMED) > 60


@pytest.mark.parametrize("name", NAMED)
def test_place_is_there(name: str) -> None:
    assert _is_there(name)


def test_every_package_and_module_below_the_package_is_on_the_map() -> None:
    there = {path for path in PACKAGE.iterdir() if path.name[0] not in "_." and _is_code(path)}
    named = {path for name in NAMED for path in ROOT.glob(name.rstrip("/")) if "rowferry" in name}
    assert sorted(path.name for path in there - named) == []


def _is_code(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").exists()
