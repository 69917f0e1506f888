"""Every command of the command line is shown to its users."""

import re
from pathlib import Path

import pytest
import typer

from rowferry.cli.app import app

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_documented(command: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]
    shown = re.compile(rf"\browferry {command}\b")
    assert any(shown.search(page.read_text("utf-8")) for page in pages)
