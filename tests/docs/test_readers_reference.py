import re
from pathlib import Path

from tests.readers.readers import READERS

PAGE = Path(__file__).parents[2] / "docs/fidelity.md"


def test_every_reader_is_listed_with_its_own_limits() -> None:
    _, _, section = PAGE.read_text("utf-8").partition("\n## Readers\n")
    listed = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    assert dict(listed[1:]) == {reader.name: reader.limits_in_words() for reader in READERS}
