"""``python -m bench.php``: the PHP client over each of its transports, beside PHP by itself.

The same rows go to the service over each transport until the link is there, and, in the same
turns, into local files: CSV by ``fputcsv``, XLSX by a streaming writer of the kind that PHP's
libraries are (``php_programs/StreamingXlsxWriter.php``), which gets an eighth of the rows. Of the
runs of a job the fastest counts. Writes ``bench/results/php.json`` and the figures of docs/php.md,
and fails when a target is missed; with ``--check`` it runs a tenth, and fails when a ratio of
processor times is below 70 % of the committed one.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.figures import CHECKOUT, MB, MIB, WIDTH, run_program
from bench.machine import first_line, provenance
from bench.php_speed_section import RESULTS, update_page
from tests.clients.php_transport import TRANSPORTS, PhpTransport
from tests.e2e.service_process import ServiceProcess, running_service

PROGRAMS: Final = CHECKOUT / "bench/php_programs"
FULL_ROWS: Final = (200_000, 800_000)
CHECK_ROWS: Final = 80_000
LOCAL_XLSX_SHARE: Final = 8
SLACK: Final = 0.7
CURL: Final = "curl"
ALL: Final = (CURL, "http", "ext-grpc")
CHECKED: Final = (CURL, "http")
PHP_MEMORY_BYTES: Final = 16 * MIB
OPENSPOUT_ROWS_PER_SECOND: Final = (3_500, 7_200)
"""XLSX by OpenSpout itself, 100,000 x 12, PHP 8.2 of Debian: two measurements of before."""
OPENSPOUT_ROWS_PER_SECOND_HERE: Final = 16_900
"""The same by hand with these rows, OpenSpout of October 2024, on the machine of the results."""
TARGETS: Final = {
    f"CSV: {CURL}": 400_000,
    f"EXCEL: {CURL}": 20 * max(OPENSPOUT_ROWS_PER_SECOND),
}
"""Rows a second."""

LOAD_BEFORE: Final = os.getloadavg()[0]
"""Others' work: wall times of a busy machine say little."""

Run = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhpFigure:
    """One job; ``ratios``: how many times less PHP processor time a row took than in that job."""

    name: str
    rows: int
    seconds: float
    php_cpu_seconds: float
    php_memory_peak_bytes: int
    """What memory_get_peak_usage() says of the job."""
    php_peak_rss_bytes: int
    file_bytes: int
    service_cpu_seconds: float = 0.0
    sha256: str = ""
    ratios: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        """Rows by wall time."""
        return self.rows / self.seconds

    @property
    def php_cpu_microseconds_per_row(self) -> float:
        """Processor time of the PHP process by row, without its start."""
        return self.php_cpu_seconds / self.rows * 1e6

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        return asdict(self) | {"rows_per_second": round(self.rows_per_second)}


def main() -> int:
    """Measure, save or compare; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.php", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each job")
    parser.add_argument("--check", action="store_true", help="compare with the committed ratios")
    arguments = parser.parse_args()
    if arguments.check:
        figures = measure(CHECK_ROWS, arguments.repeats, CHECKED)
        complaints = [*_worse(figures), *_too_much_memory(figures)]
    else:
        checked = measure(CHECK_ROWS, arguments.repeats, CHECKED)
        runs = (measure(count, arguments.repeats, ALL) for count in FULL_ROWS)
        figures = list(chain.from_iterable(runs))
        _save(figures, checked)
        update_page()
        complaints = [*_missed(figures), *_too_much_memory(figures)]
    _print(figures)
    for complaint in complaints:
        print(complaint, file=sys.stderr)  # noqa: T201
    return 1 if complaints else 0


def measure(row_count: int, repeats: int, transports: Sequence[str]) -> list[PhpFigure]:
    """Run every job once a round, in the same order; the fastest, beside PHP by itself."""
    chosen = [TRANSPORTS[name] for name in transports]
    runs: dict[str, list[PhpFigure]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), measured=True) as service,
    ):
        for _ in range(repeats):
            for name, rows, job in _jobs(service, Path(folder), row_count, chosen):
                runs.setdefault(name, []).append(_run(service, name, rows, job))
    fastest = {name: _fastest(figures) for name, figures in runs.items()}
    return [_beside_php(figure, fastest) for figure in fastest.values()]


def _jobs(
    service: ServiceProcess, folder: Path, row_count: int, transports: Sequence[PhpTransport]
) -> Iterator[tuple[str, int, Run]]:
    local_rows = max(row_count // LOCAL_XLSX_SHARE, 1)
    yield "CSV: fputcsv", row_count, _local("fputcsv.php", row_count, folder / "local.csv")
    yield "EXCEL: pure PHP", local_rows, _local("xlsx.php", local_rows, folder / "local.xlsx")
    for transport in transports:
        for file_format in ("CSV", "EXCEL"):
            command = transport.command(
                PROGRAMS / "export.php",
                row_count,
                file_format,
                transport.address(service),
                transport.name,
            )
            yield f"{file_format}: {transport.name}", row_count, partial(run_program, command)


def _local(program: str, row_count: int, path: Path) -> Run:
    return partial(run_program, TRANSPORTS[CURL].command(PROGRAMS / program, row_count, path))


def _run(service: ServiceProcess, name: str, rows: int, job: Run) -> PhpFigure:
    before = service.cpu_seconds
    reported = job()
    if reported.pop("rows", rows) != rows:
        raise RuntimeError(f"{name} lost rows")
    spent = service.cpu_seconds - before
    return PhpFigure(name=name, rows=rows, service_cpu_seconds=spent, **reported)


def _fastest(figures: Sequence[PhpFigure]) -> PhpFigure:
    return replace(
        min(figures, key=lambda figure: figure.seconds),
        php_memory_peak_bytes=max(figure.php_memory_peak_bytes for figure in figures),
        php_peak_rss_bytes=max(figure.php_peak_rss_bytes for figure in figures),
    )


def _beside_php(figure: PhpFigure, others: Mapping[str, PhpFigure]) -> PhpFigure:
    file_format = figure.name.partition(":")[0]
    alone = others["CSV: fputcsv" if file_format == "CSV" else "EXCEL: pure PHP"]
    if figure is alone:
        return figure
    first = others[f"{file_format}: {CURL}"]
    if figure.sha256 != first.sha256:
        raise RuntimeError(f"{figure.name} made another file than {CURL}")
    ratio = alone.php_cpu_microseconds_per_row / figure.php_cpu_microseconds_per_row
    return replace(figure, ratios={alone.name: ratio})


def _missed(figures: Sequence[PhpFigure]) -> Iterator[str]:
    for figure in figures:
        least = TARGETS.get(figure.name, 0)
        if figure.rows_per_second < least:
            yield f"{figure.name}, {figure.rows:,} rows: below {least:,} rows/s"


def _too_much_memory(figures: Sequence[PhpFigure]) -> Iterator[str]:
    for figure in figures:
        if figure.php_memory_peak_bytes > PHP_MEMORY_BYTES:
            yield f"{figure.name}: {figure.php_memory_peak_bytes / MIB:.1f} MiB of PHP memory"


def _worse(figures: Sequence[PhpFigure]) -> Iterator[str]:
    committed = json.loads(RESULTS.read_text(encoding="utf-8"))["check"]
    before = {figure["name"]: figure["ratios"] for figure in committed}
    for figure in figures:
        for other, ratio in figure.ratios.items():
            least = SLACK * before[figure.name][other]
            if ratio < least:
                yield f"{figure.name}: {ratio:.2f}x {other}, at least {least:.2f}x was expected"


def _save(figures: Sequence[PhpFigure], checked: Sequence[PhpFigure]) -> None:
    document = {
        **provenance("bench.php"),
        "php": first_line("php", "--version"),
        "curl": first_line("php", "-r", "echo curl_version()['version'];"),
        "load_average_before": LOAD_BEFORE,
        "openspout_xlsx_rows_per_second": OPENSPOUT_ROWS_PER_SECOND,
        "openspout_xlsx_rows_per_second_here": OPENSPOUT_ROWS_PER_SECOND_HERE,
        "figures": [figure.document() for figure in figures],
        "check": [figure.document() for figure in checked],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def _print(figures: Sequence[PhpFigure]) -> None:
    table = Table(title="PHP: from the first row to the link, or to the local file")
    for title in ("job", "rows", "rows/s", "PHP CPU µs/row", "service CPU µs/row"):
        table.add_column(title, justify="left" if title == "job" else "right")
    for title in ("PHP memory MiB", "PHP RSS MiB", "file MB", "PHP CPU against"):
        table.add_column(title, justify="right")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.rows:,}",
            f"{figure.rows_per_second:,.0f}",
            f"{figure.php_cpu_microseconds_per_row:.2f}",
            f"{figure.service_cpu_seconds / figure.rows * 1e6:.2f}",
            f"{figure.php_memory_peak_bytes / MIB:.1f}",
            f"{figure.php_peak_rss_bytes / MIB:.0f}",
            f"{figure.file_bytes / MB:.1f}",
            ", ".join(f"{ratio:.2f}x {name}" for name, ratio in figure.ratios.items()),
        )
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    sys.exit(main())
