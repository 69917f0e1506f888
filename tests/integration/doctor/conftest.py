"""``rowferry doctor`` as its user calls it."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from rowferry.cli import main
from rowferry.taskstore.schema import upgrade

Settings: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the command printed with ``--json``, by check, and how it ended."""

    exit_code: int
    text: str

    @property
    def findings(self) -> Mapping[str, Mapping[str, Any]]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return {line["check"]: line for line in lines}

    @property
    def failed(self) -> Mapping[str, str]:
        """Give the codes of the checks that failed."""
        return {
            check: finding["code"]
            for check, finding in self.findings.items()
            if finding["status"] == "failed"
        }


Doctor: TypeAlias = Callable[[Settings], Diagnosis]


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROWFERRY__SERVER__DATA_DIRECTORY", str(tmp_path / "data"))

    def run(settings: Settings) -> Diagnosis:
        for name, value in settings.items():
            monkeypatch.setenv(f"ROWFERRY__{name}", value)
        monkeypatch.setattr(sys, "argv", ["rowferry", "doctor", "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Diagnosis(exit_code=ended.value.code, text=capsys.readouterr().out)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory as a service leaves it."""
    data = tmp_path / "data"
    for name in ("spool", "temporary", "files"):
        (data / name).mkdir(parents=True)
    upgrade(f"sqlite:///{data / 'rowferry.db'}")
    return data
