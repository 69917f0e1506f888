"""What was measured, in one shape: for the table, the JSON file and the comparison with it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

WIDTH: Final = 170
MB: Final = 1_000_000
MIB: Final = 2**20
CHECKOUT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured job. ``payload_bytes`` are the encoded batches', whatever the job made of them.

    ``ratios`` say how many times better this job was than the one that the key names.
    """

    group: str
    name: str
    rows: int
    payload_bytes: int
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    file_bytes: int = 0
    ratios: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        """Rows by wall time."""
        return self.rows / self.seconds

    @property
    def payload_mb_per_second(self) -> float:
        """Payload by wall time, megabytes of 10^6 bytes."""
        return self.payload_bytes / self.seconds / MB

    @property
    def cpu_microseconds_per_row(self) -> float:
        """Processor time of all threads, by row."""
        return self.cpu_seconds / self.rows * 1e6

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        return asdict(self) | {
            "rows_per_second": round(self.rows_per_second),
            "payload_mb_per_second": round(self.payload_mb_per_second, 1),
            "cpu_microseconds_per_row": round(self.cpu_microseconds_per_row, 3),
        }


def run_program(command: list[str]) -> dict[str, Any]:
    """Run a measured program to its end and give what it reports."""
    completed = subprocess.run(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True
    )
    reported: dict[str, Any] = json.loads(completed.stdout)
    return reported


def python_program(module: str, *arguments: object) -> list[str]:
    """Give the command line of a measured Python program."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def best(run: Callable[[], dict[str, Any]], repeats: int) -> dict[str, Any]:
    """Repeat a run and give the one that took the least processor time.

    Other programs' noise only ever adds to it.
    """
    return min((run() for _ in range(repeats)), key=lambda reported: reported["cpu_seconds"])


def print_table(figures: Iterable[Figure]) -> None:
    """Print the figures, a section for each group."""
    table = Table(title="Rowferry benchmarks", title_justify="left")
    table.add_column("job")
    for title in ("rows/s", "MB/s", "CPU s", "CPU µs/row", "peak RSS MiB", "file MB"):
        table.add_column(title, justify="right")
    table.add_column("against the others, same run")
    group = ""
    for figure in figures:
        if figure.group != group:
            group = figure.group
            table.add_section()
            table.add_row(f"[bold]{group}[/bold]")
        table.add_row(*_cells(figure))
    Console(width=WIDTH).print(table)


def _cells(figure: Figure) -> list[str]:
    return [
        figure.name,
        f"{figure.rows_per_second:,.0f}",
        f"{figure.payload_mb_per_second:,.0f}",
        f"{figure.cpu_seconds:.2f}",
        f"{figure.cpu_microseconds_per_row:.2f}",
        f"{figure.peak_rss_bytes / MIB:,.0f}",
        f"{figure.file_bytes / MB:.1f}" if figure.file_bytes else "",
        ", ".join(f"{ratio:.2f}x {name}" for name, ratio in figure.ratios.items()),
    ]
