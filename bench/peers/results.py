"""What was measured: for the JSON file, the tables and the targets."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from bench.figures import CHECKOUT
from bench.peers.contestants import OURS

PATH: Final = CHECKOUT / "bench/results/peers.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one writer took for rows of one shape: of each time the least of its runs."""

    shape: str
    file_format: str
    writer: str
    rows: int
    runs: int
    seconds: float
    cpu_seconds: float
    """Of all threads, decoding the batches included."""
    decode_seconds: float
    decode_cpu_seconds: float
    """0 for our own writer, which decodes as it writes."""
    after_last_row_seconds: float
    peak_rss_bytes: int
    """The most of all runs."""
    file_bytes: int

    @property
    def cpu_microseconds(self) -> float:
        """Processor time by row."""
        return self.cpu_seconds / self.rows * 1e6

    @property
    def writing_cpu_microseconds(self) -> float:
        """Processor time by row without decoding."""
        return (self.cpu_seconds - self.decode_cpu_seconds) / self.rows * 1e6

    @property
    def wall_microseconds(self) -> float:
        """Time by row."""
        return self.seconds / self.rows * 1e6

    @property
    def file_bytes_a_row(self) -> float:
        """Size by row."""
        return self.file_bytes / self.rows


class Results:
    """The figures of one run of all, and where they come from."""

    def __init__(self, provenance: dict[str, Any], figures: Iterable[Figure]) -> None:
        self.provenance = provenance
        self._figures = {(f.shape, f.file_format, f.writer): f for f in figures}

    def __iter__(self) -> Iterator[Figure]:
        return iter(self._figures.values())

    def get(self, shape: str, file_format: str, writer: str = OURS) -> Figure | None:
        """Give a writer's figure, or None if it was not measured."""
        return self._figures.get((shape, file_format, writer))

    def of(self, shape: str, file_format: str) -> list[Figure]:
        """Give all figures of a shape and a format."""
        return [f for f in self if (f.shape, f.file_format) == (shape, file_format)]

    def save(self, path: Path = PATH) -> None:
        """Write the JSON file."""
        document = {**self.provenance, "figures": [asdict(figure) for figure in self]}
        text = json.dumps(document, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path = PATH) -> Self:
        """Read the JSON file."""
        document = json.loads(path.read_text(encoding="utf-8"))
        figures = document.pop("figures")
        return cls(document, [Figure(**figure) for figure in figures])
