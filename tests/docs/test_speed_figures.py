"""The README's figures are those of the committed results."""

import json

from bench.speed_section import README, RESULTS, speed_section


def test_readme_quotes_the_committed_results() -> None:
    assert README.has(speed_section())


def test_service_figures_are_in_the_readme() -> None:
    results = json.loads((RESULTS / "800000-rows.json").read_text(encoding="utf-8"))
    speeds = {figure["name"]: figure["rows_per_second"] for figure in results["figures"]}
    assert f"| {speeds['EXCEL: rowferry']:,} |" in README.page.read_text(encoding="utf-8")
