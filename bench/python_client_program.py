"""One measured job of ``bench.python_client`` in a process of its own; prints what it took.

What is sent is in memory before the clock starts; for Python values that is all of it.
"""

import argparse
import csv
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import trio

from rowferry.client import Client, Column

Job = Callable[[Path, str, Path], Callable[[], dict[str, Any]]]


def lists(parquet: Path, address: str, _: Path) -> Callable[[], dict[str, Any]]:
    """Send rows as lists of str, int, float, Decimal, date, datetime and bool."""
    table = pq.read_table(parquet)
    columns = [Column(name) for name in table.column_names]
    rows = [list(row.values()) for row in table.to_pylist()]
    return lambda: _export(address, rows, "csv", columns=columns)


def pyarrow_table(parquet: Path, address: str, _: Path) -> Callable[[], dict[str, Any]]:
    """Send a table of pyarrow."""
    table = pq.read_table(parquet)
    return lambda: _export(address, table, "csv")


def pyarrow_workbook(parquet: Path, address: str, _: Path) -> Callable[[], dict[str, Any]]:
    """Send a table of pyarrow for a workbook."""
    table = pq.read_table(parquet)
    return lambda: _export(address, table, "xlsx")


def polars_frame(parquet: Path, address: str, _: Path) -> Callable[[], dict[str, Any]]:
    """Send a data frame of polars."""
    frame = pl.read_parquet(parquet)
    return lambda: _export(address, frame, "csv")


def local_csv(parquet: Path, _: str, path: Path) -> Callable[[], dict[str, Any]]:
    """Write the rows by Python's csv module into a local file."""
    rows = [list(row.values()) for row in pq.read_table(parquet).to_pylist()]

    def write() -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)

    return lambda: _local(write, path)


def local_pyarrow(parquet: Path, _: str, path: Path) -> Callable[[], dict[str, Any]]:
    """Write the table by pyarrow.csv into a local file."""
    table = pq.read_table(parquet)
    return lambda: _local(lambda: pyarrow.csv.write_csv(table, path), path)


def local_polars(parquet: Path, _: str, path: Path) -> Callable[[], dict[str, Any]]:
    """Write the data frame by polars into a local file."""
    frame = pl.read_parquet(parquet)
    return lambda: _local(lambda: frame.write_csv(path), path)


JOBS: Final[dict[str, Job]] = {
    job.__name__: job
    for job in (
        lists, pyarrow_table, pyarrow_workbook, polars_frame,
        local_csv, local_pyarrow, local_polars,
    )
}  # fmt: skip


def _export(address: str, rows: Any, file_format: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401
    async def run() -> dict[str, Any]:
        async with Client(address) as client:
            result = await client.export(rows, format=file_format, filename="bench", **spec)
        return {"file_bytes": result.size_bytes, "sha256": result.sha256}

    return trio.run(run)


def _local(write: Callable[[], object], path: Path) -> dict[str, Any]:
    write()
    return {"file_bytes": path.stat().st_size, "sha256": ""}


def main() -> None:
    """Run the job that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("address")
    parser.add_argument("path", type=Path)
    arguments = parser.parse_args()
    pa.set_cpu_count(2)
    run = JOBS[arguments.job](arguments.parquet, arguments.address, arguments.path)
    held_bytes = _peak_rss_bytes()
    cpu_before, before = time.process_time(), time.perf_counter()
    reported = run()
    reported |= {
        "seconds": time.perf_counter() - before,
        "cpu_seconds": time.process_time() - cpu_before,
        "peak_rss_bytes": _peak_rss_bytes(),
        "held_rss_bytes": held_bytes,
    }
    print(json.dumps(reported))  # noqa: T201


def _peak_rss_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
