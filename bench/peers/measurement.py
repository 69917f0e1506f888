"""Runs of all contestants on one shape, in turns."""

import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import run_program
from bench.peers.contestants import Contestant
from bench.peers.results import Figure
from bench.shapes import Shape

Commands = Mapping[str, Sequence[str]]
"""The start of the command line of each program."""

_TIMES: Final = (
    *("seconds", "cpu_seconds", "decode_seconds", "decode_cpu_seconds"),
    "after_last_row_seconds",
)


class ShapeRuns:
    """One shape of so many rows, and the contestants that take it."""

    def __init__(
        self, shape: Shape, row_count: int, contestants: Iterable[Contestant], commands: Commands
    ) -> None:
        self._shape = shape
        self._rows = row_count
        self._contestants = [one for one in contestants if one.takes(shape)]
        self._commands = commands

    def figures(self) -> Iterator[Figure]:
        """Run everyone once, then everyone again who has runs left: noise meets all alike."""
        reports: dict[Contestant, list[dict[str, Any]]] = {one: [] for one in self._contestants}
        for turn in range(max((one.runs for one in self._contestants), default=0)):
            for contestant in self._contestants:
                if turn < contestant.runs:
                    reports[contestant].append(self._run(contestant))
        for contestant, runs in reports.items():
            yield self._figure(contestant, runs)

    def _run(self, contestant: Contestant) -> dict[str, Any]:
        rows, batches = self._share(contestant), self._batches(contestant)
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / f"file.{contestant.file_format.lower()}"
            arguments = (contestant.writer, batches, rows, output)
            reported = run_program([*self._commands[contestant.program], *map(str, arguments)])
        if reported["rows"] != rows:
            raise RuntimeError(f"{contestant.name}: {reported['rows']} rows instead of {rows}")
        return reported

    def _batches(self, contestant: Contestant) -> Path:
        return batch_file(
            self._rows, self._shape.batch_rows, shape=self._shape, encoding=contestant.encoding
        )

    def _share(self, contestant: Contestant) -> int:
        """Give how many rows its whole batches have."""
        batch_rows = self._shape.batch_rows
        batches = math.ceil(self._rows * contestant.rows_share / batch_rows)
        return min(self._rows, batches * batch_rows)

    def _figure(self, contestant: Contestant, runs: list[dict[str, Any]]) -> Figure:
        times = {name: min(run.get(name, 0.0) for run in runs) for name in _TIMES}
        return Figure(
            shape=self._shape.name,
            file_format=contestant.file_format,
            writer=contestant.name,
            rows=runs[0]["rows"],
            runs=len(runs),
            peak_rss_bytes=max(run["peak_rss_bytes"] for run in runs),
            file_bytes=runs[0]["file_bytes"],
            **times,
        )
