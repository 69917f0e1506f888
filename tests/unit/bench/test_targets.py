from pathlib import Path

from bench.peers.contestants import CONTESTANTS, OURS
from bench.peers.programs import versions
from bench.peers.results import Figure, Results
from bench.peers.tables import markdown, times
from bench.peers.targets import TARGETS, Target, cpu, ratio
from bench.shapes import SHAPES

PROVENANCE = {
    "command": "python -m bench.peers",
    "commit": "0123456789abcdef",
    "date": "2026-01-01",
    "machine": {"processor": "P", "cores": 2, "memory_bytes": 2**34, "kernel": "6"},
    "tools": {"python": "3.11"},
    "packages": {"csv": "1.4.0"},
}


def _figure(shape: str, file_format: str, writer: str, cpu_seconds: float) -> Figure:
    return Figure(
        shape=shape,
        file_format=file_format,
        writer=writer,
        rows=1000,
        runs=1,
        seconds=cpu_seconds,
        cpu_seconds=cpu_seconds,
        decode_seconds=cpu_seconds / 4,
        decode_cpu_seconds=cpu_seconds / 4,
        after_last_row_seconds=0.005,
        peak_rss_bytes=2**24,
        file_bytes=50_000,
    )


def _complete_results() -> Results:
    figures = (
        _figure(shape.name, one.file_format, one.name, 0.1 if one.name == OURS else 0.5)
        for shape in SHAPES
        for one in CONTESTANTS
        if one.takes(shape)
    )
    return Results(PROVENANCE, figures)


def _named(what: str) -> Target:
    (target,) = (target for target in TARGETS if target.what.startswith(what))
    return target


def test_every_target_can_be_judged_from_a_run_of_everything() -> None:
    results = _complete_results()
    assert [target.what for target in TARGETS if target.measured(results) is None] == []


def test_target_is_missed_below_its_bound() -> None:
    csv, constant = _named("CSV, orders: CPU of csv crate"), _named("XLSX, orders: CPU of rust")
    results = _complete_results()
    assert csv.is_met(csv.measured(results) or 0)
    assert not constant.is_met(constant.measured(results) or 0)


def test_what_was_not_measured_is_not_judged() -> None:
    results = Results(PROVENANCE, [_figure("orders", "CSV", OURS, 0.1)])
    assert all(
        target.measured(results) is None for target in TARGETS if "csv crate" in target.what
    )


def test_writers_of_fewer_rows_are_compared_by_row() -> None:
    figures = [_figure("orders", "CSV", OURS, 0.1), _figure("orders", "CSV", "other", 0.1)]
    results = Results(PROVENANCE, figures)
    assert ratio(results, "orders", "CSV", "other", cpu) == 1


def test_page_has_a_row_for_every_figure() -> None:
    results = _complete_results()
    page = markdown(results)
    for figure in results:
        assert f"| {figure.writer} | 1,000 |" in page
    assert "**missed**" in page


def test_results_are_the_same_after_they_were_saved(tmp_path: Path) -> None:
    results = _complete_results()
    results.save(tmp_path / "peers.json")
    assert list(Results.load(tmp_path / "peers.json")) == list(results)


def test_version_of_every_library_is_locked() -> None:
    packages = {one.package for one in CONTESTANTS if one.package}
    assert {name for name, version in versions().items() if version} == packages


def test_ratios_have_three_digits() -> None:
    assert [times(value) for value in (0.5, 9.87, 12.34, None)] == ["0.50x", "9.87x", "12.3x", ""]
