"""The figures of docs/php.md, written from the committed results of ``just bench-php``."""

import json
from collections.abc import Iterator
from typing import Any, Final

from bench.figures import CHECKOUT, MIB
from bench.page_figures import PageFigures

PAGE: Final = PageFigures(
    page=CHECKOUT / "docs/php.md",
    begin="<!-- figures of bench/results/php.json: just bench-php -->\n",
)
RESULTS: Final = CHECKOUT / "bench/results/php.json"
QUIET_LOAD_AVERAGE: Final = 1.0
_JOBS: Final = {
    "CSV: curl": "CSV over curl",
    "CSV: ext-grpc": "CSV over ext-grpc",
    "CSV: http": "CSV over HTTP/1.1",
    "CSV: fputcsv": "CSV by fputcsv into a local file",
    "EXCEL: curl": "XLSX over curl",
    "EXCEL: pure PHP": "XLSX by a bare writer in PHP into a local file",
}


def update_page() -> None:
    """Put the figures of the committed results into the page."""
    PAGE.put(speed_section())


def speed_section() -> str:
    """Give the figures as Markdown."""
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return "\n".join([*_lines(results), ""])


def _lines(results: dict[str, Any]) -> Iterator[str]:
    rows = max(figure["rows"] for figure in results["figures"])
    slowest, fastest = results["openspout_xlsx_rows_per_second"]
    yield f"{rows:,} rows of 12 columns, until the link is there, service and PHP on the same"
    yield f"{results['machine']['cores']} cores (`just bench-php`, {results['date'][:10]}):"
    yield ""
    yield "| | rows/s | PHP's processor µs a row | PHP memory |"
    yield "|---|---|---|---|"
    for name, title in _JOBS.items():
        figure = [figure for figure in results["figures"] if figure["name"] == name][-1]
        microseconds = figure["php_cpu_seconds"] / figure["rows"] * 1e6
        memory = figure["php_memory_peak_bytes"] / MIB
        yield (
            f"| {title} | {figure['rows_per_second']:,} | {microseconds:.2f} | {memory:.1f} MiB |"
        )
    yield ""
    here = results["openspout_xlsx_rows_per_second_here"]
    yield f"OpenSpout itself was measured at {slowest:,} to {fastest:,} rows/s to XLSX before,"
    yield f"and at {here:,} with these rows on this machine; the bare writer has neither styles"
    yield "nor options."
    load = results["load_average_before"]
    if load > QUIET_LOAD_AVERAGE:
        yield f"Other programs were at work meanwhile (load average {load:.1f}): alone on the"
        yield "machine it is faster."
