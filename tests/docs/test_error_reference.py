"""docs/errors.md explains every code."""

import re
from pathlib import Path

from rowferry.domain.errors import ErrorCode

REFERENCE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_reference_has_a_row_for_every_code_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(ErrorCode)
