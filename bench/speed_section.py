"""The README's figures, written from the committed results: nobody copies a number by hand.

``python -m bench.speed_section`` writes them; so do the benchmarks whose results they quote.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.figures import CHECKOUT, MB, MIB
from bench.page_figures import PageFigures
from bench.peers.contestants import OURS
from bench.peers.results import Results
from bench.peers.tables import table, times
from bench.peers.targets import CONSTANT, cpu, ratio, size
from bench.shapes import ORDERS, SHAPES

README: Final = PageFigures(
    page=CHECKOUT / "README.md",
    begin="<!-- figures of bench/results: just bench, and those of bench-* they name -->\n",
)
RESULTS: Final = CHECKOUT / "bench/results"
_SERVICE: Final = "800000-rows.json"
_PEERS: Final = "peers.json"
_TEN_MILLION: Final = "ten-million-rows.json"
_LINK: Final = "link.json"
_CLIENTS: Final = ("php.json", "python-client.json", "browser.json")

_JOBS: Final[Mapping[str, str]] = {
    "EXCEL: 1 stream of 800,000 rows": "service, one gRPC stream to XLSX",
    "CSV: 1 stream of 800,000 rows": "service, one gRPC stream to CSV",
    "EXCEL: 20 streams of 100,000 rows": "service, 20 streams to XLSX (100,000 rows each)",
    "EXCEL: rowferry": "core alone, one thread, XLSX",
    "rowferry: 10 streams of 500-row batches": "gRPC door, rows thrown away, 10 streams",
}
"""The jobs that the README shows, by their names in the results."""


def update_readme() -> None:
    """Put the figures of the committed results into the README."""
    README.put(speed_section())


def speed_section() -> str:
    """Give the figures of all results that are there, as Markdown."""
    lines: list[str] = []
    for name, render in (
        (_SERVICE, _service),
        (_PEERS, _peers),
        (_TEN_MILLION, _ten_million),
        (_LINK, _link_after_rows),
    ):
        path = RESULTS / name
        if path.exists():
            lines += [*render(path), ""]
    if all((RESULTS / name).exists() for name in _CLIENTS):
        lines += [*_clients(*(RESULTS / name for name in _CLIENTS)), ""]
    return "".join(f"{line}\n" for line in lines)


def _named(path: Path) -> str:
    name = path.relative_to(CHECKOUT)
    return f"[{name}]({name})"


def _service(path: Path) -> Iterator[str]:
    document = json.loads(path.read_text(encoding="utf-8"))
    figures = {figure["name"]: figure for figure in document["figures"]}
    core = figures["EXCEL: rowferry"]
    yield (
        f"{core['rows']:,} rows of 12 columns ({core['payload_bytes'] / MB:.0f} MB encoded) on "
        f"{document['machine']['cores']} cores; `.venv/bin/just bench`, {_named(path)}:"
    )
    yield ""
    head = ("", "rows/s", "CPU s", "peak memory", "beside it, same run")
    yield from table(head, (_job(label, figures[name]) for name, label in _JOBS.items()))


def _job(label: str, figure: Mapping[str, Any]) -> Iterator[str]:
    yield label
    yield f"{figure['rows_per_second']:,}"
    yield f"{figure['cpu_seconds']:.2f}"
    yield f"{figure['peak_rss_bytes'] / MIB:.0f} MiB"
    ratios = figure["ratios"]
    speed = ratios.get("core (rows/s)")
    if speed is not None:
        yield f"{speed:.2f} of the core's speed"
        return
    peers = [
        f"{times(value)} {_whose(other.removesuffix(' (CPU)'))}"
        for other, value in ratios.items()
        if other.endswith(" (CPU)")
    ]
    yield f"CPU: {', '.join(peers)}" if peers else ""


def _whose(peer: str) -> str:
    name, _, language = peer.partition(", ")
    return f"{language}'s {name}" if language else name


def _peers(path: Path) -> Iterator[str]:
    results = Results.load(path)
    page = path.with_suffix(".md")
    yield (
        "Processor time of others for the same rows, by the core's; `.venv/bin/just bench-peers`, "
        f"{_named(page)}:"
    )
    yield ""
    for file_format in ("XLSX", "CSV"):
        others = (
            f"{writer} {times(ratio(results, ORDERS.name, file_format, writer, cpu))}"
            for writer in (figure.writer for figure in results.of(ORDERS.name, file_format))
            if not writer.startswith(OURS)
        )
        yield f"- {file_format}: {'; '.join(others)}"
    yield _other_shapes(results)


def _other_shapes(results: Results) -> str:
    others = [shape.name for shape in SHAPES if shape is not ORDERS]
    cpus, sizes = (
        sorted(ratio(results, shape, "XLSX", CONSTANT, measure) or 0.0 for shape in others)
        for measure in (cpu, size)
    )
    return (
        f"- {len(others)} other table shapes, {CONSTANT}: {times(cpus[0])} to {times(cpus[-1])} "
        f"the time, {times(sizes[0])} to {times(sizes[-1])} the size"
    )


def _ten_million(path: Path) -> Iterator[str]:
    document = json.loads(path.read_text(encoding="utf-8"))
    yield (
        f"{document['rows']:,} rows in an XLSX file of {document['sheets']} sheets: "
        f"{document['cpu_seconds']:.1f} CPU s, {document['peak_rss_bytes'] / MIB:.0f} MiB at most "
        f"in the core's process ({_named(path)})."
    )


def _link_after_rows(path: Path) -> Iterator[str]:
    document = json.loads(path.read_text(encoding="utf-8"))
    medians = {
        name: paces["at_pace"]["link_seconds_median"]
        for name, paces in document["one_stream"].items()
    }
    yield (
        f"Into a bucket of OSS (a double), {document['rows']:,} rows at "
        f"{document['pace_rows_per_second']:,} rows/s: the link is there {medians['EXCEL']:.2f} s "
        f"(XLSX) and {medians['CSV']:.2f} s (CSV) after the last row ({_named(path)})."
    )


def _clients(php: Path, python: Path, browser: Path) -> Iterator[str]:
    """Tell rows a second of each client's most usual way, to CSV and to XLSX."""
    by_php, by_python = _rates(php), _rates(python)
    jobs = json.loads(browser.read_text(encoding="utf-8"))["jobs"]
    first = {job["format"]: job["rows_per_second"] for job in reversed(jobs)}
    page = f"{first['csv']:,}, {first['xlsx']:,}"
    table = f"{by_python['CSV: pyarrow table']:,}, {by_python['EXCEL: pyarrow table']:,}"
    yield (
        f"Clients beside the service on the same cores, rows/s to CSV and XLSX: PHP over curl "
        f"{by_php['CSV: curl']:,}, {by_php['EXCEL: curl']:,} (PHP's fputcsv into a local file "
        f"{by_php['CSV: fputcsv']:,}), Python from a pyarrow table {table}, a page of Chromium "
        f"{page} ({', '.join(_named(path) for path in (php, python, browser))})."
    )


def _rates(path: Path) -> dict[str, int]:
    """Give rows a second by the job's name; of several numbers of rows the last."""
    figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
    return {figure["name"]: figure["rows_per_second"] for figure in figures}


if __name__ == "__main__":
    update_readme()
