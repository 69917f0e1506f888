"""Every part keeps to the schemas of ECMA-376, transitional, as Apache POI has them compiled."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.readers.conftest import Library
from tests.readers.nasty_files import all_files
from tests.readers.printed_lines import printed_lines
from tests.readers.readers import java
from tests.readers.toolchains import needs

pytestmark = [pytest.mark.readers, pytest.mark.timeout(600)]

FILES: Final = all_files()

PRESERVED_BLANKS: Final = "Attribute not allowed (no wildcards allowed): space@"
"""The schema's text elements have a simple type, so no attribute; ECMA-376 Part 1 §18.4.12 and all
spreadsheets ask for `xml:space` on them."""

OUTSIDE_THE_SCHEMAS: Final = {
    "[Content_Types].xml",  # Part 2's schemas are not in poi-ooxml-full; test_package reads these
    "docProps/core.xml",
}


@pytest.fixture(scope="module")
def checked(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of what the schemas say of every file."""
    with needs("java"):
        command = java("SchemaCheck")()
    out = tmp_path_factory.mktemp("schemas")
    paths = [str(library.path(file.name)) for file in FILES]
    subprocess.run([*command, str(out), *paths], check=True)
    return out


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_every_part_keeps_to_its_schema(name: str, library: Library, checked: Path) -> None:
    unknown = set()
    for part, root, *errors in printed_lines(checked, library.path(name)):
        if root == "":
            unknown.add(part)
        assert [error for error in errors if PRESERVED_BLANKS not in error] == [], part
    assert unknown == OUTSIDE_THE_SCHEMAS


def test_schemas_find_an_attribute_they_do_not_have(checked: Path) -> None:
    assert any(PRESERVED_BLANKS in path.read_text("utf-8") for path in checked.iterdir())
