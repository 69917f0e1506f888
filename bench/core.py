"""The core alone on one thread, and other writers on the same rows."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import Figure, best, python_program, run_program
from bench.frames import payload_bytes
from bench.peers.programs import build_rust

GROUP: Final = "core, one thread"
BATCH_ROWS: Final = 1000
PYTHON_SHARE: Final = 8  # Python's writers get an eighth of the rows and are compared by row
_WRITERS: Final = {"EXCEL": "xlsx", "CSV": "csv"}
_RUST_PEERS: Final = {"EXCEL": ("rust_xlsxwriter", "xlsx_constant"), "CSV": ("csv", "csv")}
_PYTHON_PEERS: Final = {"EXCEL": "xlsxwriter", "CSV": "csv"}


def core_figures(row_count: int, repeats: int) -> Iterator[Figure]:
    """Measure both formats: ours, the Rust crate, the Python module."""
    (rust_peers,) = build_rust()
    for file_format in ("EXCEL", "CSV"):
        yield from _Comparison(file_format, row_count, repeats, rust_peers).figures()


class _Comparison:
    """One format's writers on the same rows."""

    def __init__(self, file_format: str, row_count: int, repeats: int, rust_peers: str) -> None:
        self._format = file_format
        self._rows = row_count
        self._repeats = repeats
        self._rust_peers = rust_peers
        self._payload_bytes = payload_bytes(batch_file(row_count, BATCH_ROWS))

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
        program = python_program("bench.core_program", _WRITERS[self._format])
        reported = self._best(program, self._rows)
        write = self._figure(f"{self._format}: rowferry", reported)
        append, read = (
            replace(self._figure(name, {**reported, **reported[part]}), file_bytes=0)
            for part, name in (("append", "spool: check and append"), ("read", "spool: read"))
        )
        return append, read, write

    def _rust(self) -> Figure:
        peer, writer = _RUST_PEERS[self._format]
        return self._figure(f"{peer}, Rust", self._best([self._rust_peers, writer], self._rows))

    def _python(self) -> Figure:
        peer = _PYTHON_PEERS[self._format]
        program = python_program("bench.peers.python", peer)
        return self._figure(f"{peer}, Python", self._best(program, self._rows // PYTHON_SHARE))

    def _best(self, program: list[str], rows: int) -> dict[str, Any]:
        batches = batch_file(self._rows, BATCH_ROWS)

        def run() -> dict[str, Any]:
            with tempfile.TemporaryDirectory() as folder:
                return run_program([*program, str(batches), str(rows), f"{folder}/file"])

        return best(run, self._repeats)

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
