"""``python -m bench.python_client``: the Python client, beside files written locally.

The same rows, with the types that they have in a database, go to the service as Python lists, as
tables of pyarrow and polars and as a Parquet file through ``rowferry export``, until the link is
there; and, in the same turns, into local files. Lists are an eighth of the rows: all of them are
in memory. Of the runs of a job the fastest counts. Writes ``bench/results/python-client.json``.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from bench.dataset import COLUMNS, values
from bench.figures import CHECKOUT, MB, MIB, WIDTH, python_program, run_program
from bench.machine import provenance
from tests.e2e.service_process import ServiceProcess, running_service

RESULTS: Final = CHECKOUT / "bench/results/python-client.json"
TARGET_ROWS_PER_SECOND: Final = 1_000_000
TARGET_JOB: Final = "CSV: pyarrow table"
LISTS_SHARE: Final = 8
PIECE_ROWS: Final = 50_000
MODULE: Final = "bench.python_client_program"
COMMAND: Final = "CSV: rowferry export of Parquet"
JOBS: Final = {
    "CSV: csv.writer, local": "local_csv",
    "CSV: pyarrow.csv, local": "local_pyarrow",
    "CSV: polars, local": "local_polars",
    "CSV: Python lists": "lists",
    TARGET_JOB: "pyarrow_table",
    "CSV: polars frame": "polars_frame",
    "EXCEL: pyarrow table": "pyarrow_workbook",
}
OF_LISTS: Final = frozenset({"local_csv", "lists"})
SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name, _ in COLUMNS[:4]),
        (COLUMNS[4][0], pa.int64()),
        (COLUMNS[5][0], pa.float64()),
        (COLUMNS[6][0], pa.float64()),
        (COLUMNS[7][0], pa.decimal128(18, 3)),
        (COLUMNS[8][0], pa.date32()),
        (COLUMNS[9][0], pa.timestamp("us")),
        (COLUMNS[10][0], pa.bool_()),
        (COLUMNS[11][0], pa.string()),
    ]
)
LOAD_BEFORE: Final = os.getloadavg()[0]
"""Others' work: wall times of a busy machine say little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonFigure:
    """One job. The command's processor time and memory are those of its whole life."""

    name: str
    rows: int
    seconds: float
    cpu_seconds: float
    service_cpu_seconds: float
    peak_rss_bytes: int
    held_rss_bytes: int
    """Of the peak, what was there before the first row was sent: Python, libraries, the rows."""
    file_bytes: int
    sha256: str

    @property
    def rows_per_second(self) -> float:
        """Rows by wall time."""
        return self.rows / self.seconds

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        return asdict(self) | {
            "rows_per_second": round(self.rows_per_second),
            "cpu_microseconds_per_row": round(self.cpu_seconds / self.rows * 1e6, 3),
            "service_cpu_microseconds_per_row": round(
                self.service_cpu_seconds / self.rows * 1e6, 3
            ),
        }


def main() -> int:
    """Measure, save; return 1 when the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.python_client", description=__doc__)
    parser.add_argument("--rows", type=int, default=800_000, help="of the tables")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each job")
    arguments = parser.parse_args()
    figures = measure(arguments.rows, arguments.repeats)
    document = {
        **provenance("bench.python_client"),
        "load_average_before": LOAD_BEFORE,
        "figures": [figure.document() for figure in figures],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")
    _print(figures)
    missed = next(figure for figure in figures if figure.name == TARGET_JOB)
    return 1 if missed.rows_per_second < TARGET_ROWS_PER_SECOND else 0


def measure(row_count: int, repeats: int) -> list[PythonFigure]:
    """Run every job once a round, in the same order; give the fastest of each."""
    runs: dict[str, list[PythonFigure]] = {}
    with (
        tempfile.TemporaryDirectory() as directory,
        running_service(Path(directory), measured=True) as service,
    ):
        folder = Path(directory)
        tables = _parquet(folder / "rows.parquet", row_count)
        short_rows = row_count // LISTS_SHARE
        lists = _parquet(folder / "lists.parquet", short_rows)
        for _ in range(repeats):
            for name, job in JOBS.items():
                parquet, rows = (lists, short_rows) if job in OF_LISTS else (tables, row_count)
                command = python_program(MODULE, job, parquet, service.grpc, folder / "local.csv")
                runs.setdefault(name, []).append(_run(service, name, rows, command))
            runs.setdefault(COMMAND, []).append(_run_command(service, tables, row_count))
    return [min(figures, key=lambda figure: figure.seconds) for figures in runs.values()]


def _run(service: ServiceProcess, name: str, rows: int, command: list[str]) -> PythonFigure:
    before = service.cpu_seconds
    reported = run_program(command)
    spent = service.cpu_seconds - before
    return PythonFigure(name=name, rows=rows, service_cpu_seconds=spent, **reported)


def _run_command(service: ServiceProcess, parquet: Path, rows: int) -> PythonFigure:
    """Run ``rowferry export`` from its start to its end."""
    arguments = ("export", parquet, "--format", "csv", "--json", "--address", service.grpc)
    service_before, before = service.cpu_seconds, perf_counter()
    process = subprocess.Popen(
        python_program("rowferry", *arguments), stdout=subprocess.PIPE, cwd=CHECKOUT
    )
    with process:
        assert process.stdout is not None
        result = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert (process.returncode, result["record_count"]) == (0, rows)
    return PythonFigure(
        name=COMMAND,
        rows=rows,
        seconds=perf_counter() - before,
        cpu_seconds=_cpu_seconds(usage),
        service_cpu_seconds=service.cpu_seconds - service_before,
        peak_rss_bytes=usage.ru_maxrss * 1024,
        held_rss_bytes=0,
        file_bytes=result["file_size_bytes"],
        sha256=result["checksum_sha256"],
    )


def _cpu_seconds(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def _parquet(path: Path, row_count: int) -> Path:
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for first in range(1, row_count + 1, PIECE_ROWS):
            numbers = range(first, min(first + PIECE_ROWS, row_count + 1))
            columns = zip(*map(_typed, numbers), strict=True)
            arrays = [pa.array(cells, kind) for cells, kind in zip(columns, _kinds(), strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
    return path


def _kinds() -> Iterator[Any]:
    return (field.type for field in SCHEMA)


def _typed(number: int) -> list[Any]:
    cells = values(number)
    order, customer, address, remark, quantity, price, amount, balance, *rest = cells
    day, updated, paid, status = map(str, rest)
    year, month, of_month = map(int, day.split("-"))
    moment = datetime.combine(date(year, month, of_month), time.fromisoformat(updated[-8:]))
    return [
        order, customer, address, remark,
        int(str(quantity)), float(str(price)), float(str(amount)), Decimal(str(balance)),
        moment.date(), moment, paid == "true", status,
    ]  # fmt: skip


def _print(figures: list[PythonFigure]) -> None:
    table = Table(title="Python: from the first row to the link, or to the local file")
    table.add_column("job")
    for title in ("rows", "rows/s", "CPU µs/row", "service CPU µs/row", "peak MiB", "file MB"):
        table.add_column(title, justify="right")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.rows:,}",
            f"{figure.rows_per_second:,.0f}",
            f"{figure.cpu_seconds / figure.rows * 1e6:.2f}",
            f"{figure.service_cpu_seconds / figure.rows * 1e6:.2f}",
            f"{figure.peak_rss_bytes / MIB:.0f}",
            f"{figure.file_bytes / MB:.1f}",
        )
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    sys.exit(main())
