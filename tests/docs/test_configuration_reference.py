"""config.toml and docs/configuration.md list every setting, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rowferry.config import Config, settings
from rowferry.config_loading import load

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "config.toml"
REFERENCE = ROOT / "docs" / "configuration.md"
COMMENTED_SETTING = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)


@pytest.fixture
def uncommented_sample(tmp_path: Path) -> Path:
    """config.toml with each `#key = value` line in force."""
    file = tmp_path / "config.toml"
    file.write_text(COMMENTED_SETTING.sub("", SAMPLE.read_text("utf-8")), "utf-8")
    return file


def test_sample_as_shipped_changes_nothing() -> None:
    assert load(SAMPLE, {}) == Config()


def test_sample_shows_the_defaults(uncommented_sample: Path) -> None:
    assert load(uncommented_sample, {}) == Config()


def test_sample_lists_every_setting_in_order() -> None:
    assert list(_sample_names()) == [setting.name for setting in settings()]


def test_reference_has_a_row_for_every_setting_and_no_other() -> None:
    page = REFERENCE.read_text("utf-8")
    rows = re.findall(r"^\| `([a-z0-9_]+\.[a-z_]+)` \|", page, re.MULTILINE)
    assert rows == [setting.name for setting in settings()]


def _sample_names() -> Iterator[str]:
    group = ""
    for line in SAMPLE.read_text("utf-8").splitlines():
        if header := re.match(r"\[([a-z0-9_]+)\]", line):
            group = header[1]
        elif key := re.match(r"#([a-z_]+) = ", line):
            yield f"{group}.{key[1]}"
