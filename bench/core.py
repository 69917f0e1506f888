"""The core alone on one thread, and other writers on the same rows."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import CHECKOUT, Figure, best, python_program, run_program
from bench.frames import payload_bytes

GROUP: Final = "core, one thread"
BATCH_ROWS: Final = 1000
PYTHON_SHARE: Final = 8  # Python's writers get an eighth of the rows and are compared by row
_RUST_PEERS: Final = {"EXCEL": "rust_xlsxwriter", "CSV": "csv"}
_PYTHON_PEERS: Final = {"EXCEL": "xlsxwriter", "CSV": "csv"}
_PEERS_CRATE: Final = CHECKOUT / "bench/peers"


def core_figures(row_count: int, repeats: int) -> Iterator[Figure]:
    """Measure both formats: ours, the Rust crate, the Python module."""
    manifest = ["--manifest-path", str(_PEERS_CRATE / "Cargo.toml")]
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", *manifest], check=True)
    for file_format in ("EXCEL", "CSV"):
        with tempfile.TemporaryDirectory() as folder:
            yield from _Comparison(file_format, row_count, repeats, Path(folder)).figures()


class _Comparison:
    """One format's writers on the same rows."""

    def __init__(self, file_format: str, row_count: int, repeats: int, folder: Path) -> None:
        self._format = file_format
        self._rows = row_count
        self._repeats = repeats
        self._folder = folder
        self._batches = batch_file(row_count, BATCH_ROWS)
        self._payload_bytes = payload_bytes(self._batches)

    def figures(self) -> Iterator[Figure]:
        """Give the spool's work, our writer with its ratios, and its peers."""
        append, read, write = self._ours()
        rust, python = self._rust(), self._python()
        ratios = {f"{peer.name} (CPU)": _cpu_ratio(write, peer) for peer in (rust, python)}
        yield replace(write, ratios=ratios)
        yield from (rust, python)
        if self._format == "CSV":  # the log is the same for every format
            yield from (append, read)

    def _ours(self) -> tuple[Figure, Figure, Figure]:
        def run() -> dict[str, Any]:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                command = python_program("bench.core_program", self._format, self._batches, folder)
                reported = run_program(command)
            return reported | {"cpu_seconds": reported["write"]["cpu_seconds"]}

        reported = best(run, self._repeats)
        names = {"append": "spool: check and append", "read": "spool: read"}
        append, read, write = (
            self._figure(
                names.get(part, f"{self._format}: rowferry"), {**reported, **reported[part]}
            )
            for part in ("append", "read", "write")
        )
        return replace(append, file_bytes=0), replace(read, file_bytes=0), write

    def _rust(self) -> Figure:
        peer = _RUST_PEERS[self._format]
        program = str(_PEERS_CRATE / "target/release/rowferry-bench-peers")
        command = [program, peer, str(self._batches), str(self._folder / "rust")]
        reported = best(lambda: run_program(command), self._repeats)
        return self._figure(f"{peer}, Rust", reported)

    def _python(self) -> Figure:
        peer = _PYTHON_PEERS[self._format]
        batches = batch_file(self._rows // PYTHON_SHARE, BATCH_ROWS)
        command = python_program("bench.python_program", peer, batches, self._folder / "python")
        reported = best(lambda: run_program(command), self._repeats)
        return self._figure(f"{peer}, Python", reported)

    def _figure(self, name: str, reported: dict[str, Any]) -> Figure:
        return Figure(
            group=GROUP,
            name=name,
            rows=reported["rows"],
            payload_bytes=self._payload_bytes * reported["rows"] // self._rows,
            seconds=reported["seconds"],
            cpu_seconds=reported["cpu_seconds"],
            peak_rss_bytes=reported["peak_rss_bytes"],
            file_bytes=reported["file_bytes"],
        )


def _cpu_ratio(ours: Figure, peer: Figure) -> float:
    return peer.cpu_microseconds_per_row / ours.cpu_microseconds_per_row
