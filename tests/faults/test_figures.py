"""The file of results keeps what a run has not measured again."""

import json
from pathlib import Path

from tests.faults.figures import Figures


def _figures(**rounds: int) -> Figures:
    figures = Figures()
    for name, number in rounds.items():
        figures.count(name, "rounds", number)
        figures.seconds(f"{name} seconds", 1.0)
    return figures


def test_figures_of_another_run_stay_but_for_those_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    _figures(kills=20, outages=3).write(path)
    _figures(kills=100).write(path)
    runs = json.loads(path.read_text())
    assert [run["counts"] for run in runs] == [
        {"outages": {"rounds": 3}},
        {"kills": {"rounds": 100}},
    ]
    assert [list(run["seconds"]) for run in runs] == [["outages seconds"], ["kills seconds"]]
    assert all(run["commit"] for run in runs)


def test_run_whose_figures_were_all_measured_again_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    _figures(kills=20).write(path)
    _figures(kills=100).write(path)
    assert len(json.loads(path.read_text())) == 1


def test_run_that_measured_nothing_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    _figures(kills=20).write(path)
    before = path.read_bytes()
    Figures().write(path)
    assert path.read_bytes() == before
