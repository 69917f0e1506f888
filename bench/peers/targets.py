"""What the core promises beside other writers, as ratios of one run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.peers.contestants import OURS
from bench.peers.results import Figure, Results
from bench.shapes import ORDERS, SHAPES

CONSTANT: Final = "rust_xlsxwriter, constant memory"
TEXT_SHAPES: Final = ("long_text", "giant_text")
TABLE_SHAPES: Final = tuple(shape.name for shape in SHAPES if shape.name not in TEXT_SHAPES)
ALL_SHAPES: Final = (*TABLE_SHAPES, *TEXT_SHAPES)

Measure = Callable[[Figure], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound of one quantity."""

    what: str
    measured: Callable[[Results], float | None]
    """None when a part was not measured."""
    at_least: float = 0.0
    at_most: float = float("inf")
    unit: str = "x"

    @property
    def bound(self) -> str:
        """Say what is demanded."""
        if self.at_least:
            return f"≥ {self.at_least:g}{self.unit}"
        return f"≤ {self.at_most:g}{self.unit}"

    def is_met(self, value: float) -> bool:
        """Say whether a measured value is within the bound."""
        return self.at_least <= value <= self.at_most


def ratio(
    results: Results, shape: str, file_format: str, writer: str, measure: Measure
) -> float | None:
    """Say how many times ours a writer's figure is."""
    ours, other = (results.get(shape, file_format, name) for name in (OURS, writer))
    if ours is None or other is None or not measure(ours):
        return None
    return measure(other) / measure(ours)


def cpu(figure: Figure) -> float:
    """Give the processor time by row, decoding included."""
    return figure.cpu_microseconds


def wall(figure: Figure) -> float:
    """Give the time by row, decoding included."""
    return figure.wall_microseconds


def size(figure: Figure) -> float:
    """Give the file's size by row."""
    return figure.file_bytes_a_row


def after_last_row(figure: Figure) -> float:
    """Give the time from the last row handed over until the file is complete."""
    return figure.after_last_row_seconds


def _worst(shapes: Sequence[str], measure: Measure, results: Results) -> float | None:
    """Give the least ratio to rust_xlsxwriter of some shapes."""
    ratios = [ratio(results, shape, "XLSX", CONSTANT, measure) for shape in shapes]
    measured = [value for value in ratios if value is not None]
    return min(measured) if len(measured) == len(shapes) else None


def _largest(shapes: Sequence[str], results: Results) -> float | None:
    smallest = _worst(shapes, size, results)
    return None if smallest is None else 1 / smallest


def _orders(file_format: str, writer: str, results: Results) -> float | None:
    return ratio(results, ORDERS.name, file_format, writer, cpu)


def _inverse(file_format: str, writer: str, results: Results) -> float | None:
    value = _orders(file_format, writer, results)
    return 1 / value if value else None


def _two_threads(results: Results) -> float | None:
    value = ratio(results, ORDERS.name, "XLSX", "rowferry, 2 threads", wall)
    return 1 / value if value else None


def _milliseconds_after_last_row(results: Results) -> float | None:
    ours = results.get(ORDERS.name, "XLSX")
    return None if ours is None else ours.after_last_row_seconds * 1e3


def _cpu_targets() -> Iterator[Target]:
    for file_format, writer, at_least in (
        ("XLSX", CONSTANT, 9),
        ("XLSX", "excelize, StreamWriter", 15),
        ("XLSX", "Apache POI, SXSSF", 20),
        ("XLSX", "EasyExcel", 20),
        ("XLSX", "XlsxWriter, constant memory", 70),
        ("CSV", "csv crate", 1.5),
        ("CSV", "Go encoding/csv", 4),
        ("CSV", "Python csv", 30),
    ):
        yield Target(
            what=f"{file_format}, orders: CPU of {writer}",
            measured=partial(_orders, file_format, writer),
            at_least=at_least,
        )


def _encoding_targets() -> Iterator[Target]:
    for file_format in ("XLSX", "CSV"):
        for encoding in ("json_rows", "csv_rows"):
            yield Target(
                what=f"{file_format}, orders: speed from {encoding}, of that from records",
                measured=partial(_inverse, file_format, f"rowferry, from {encoding}"),
                at_least=0.6,
            )


TARGETS: Final = (
    *_cpu_targets(),
    Target(
        what="XLSX, tables: least CPU of rust_xlsxwriter, constant memory",
        measured=partial(_worst, TABLE_SHAPES, cpu),
        at_least=8,
    ),
    Target(
        what="XLSX, long texts: least CPU of rust_xlsxwriter, constant memory",
        measured=partial(_worst, TEXT_SHAPES, cpu),
        at_least=4,
    ),
    Target(
        what="XLSX, tables: our largest size, of rust_xlsxwriter's",
        measured=partial(_largest, TABLE_SHAPES),
        at_most=1.2,
    ),
    Target(
        what="XLSX, long texts: our largest size, of rust_xlsxwriter's",
        measured=partial(_largest, TEXT_SHAPES),
        at_most=1.35,
    ),
    Target(
        what="XLSX, all shapes: least time of rust_xlsxwriter, constant memory",
        measured=partial(_worst, ALL_SHAPES, wall),
        at_least=1,
    ),
    Target(
        what="XLSX, all shapes: its least time after the last row",
        measured=partial(_worst, ALL_SHAPES, after_last_row),
        at_least=1,
    ),
    Target(
        what="XLSX, orders: file complete after the last row",
        measured=_milliseconds_after_last_row,
        at_most=10,
        unit=" ms",
    ),
    Target(
        what="XLSX, orders: speed of two threads, of that of one",
        measured=_two_threads,
        at_least=1.7,
    ),
    Target(
        what="CSV, orders: our CPU, of memcpy of the batches",
        measured=partial(_inverse, "CSV", "memcpy of the batches"),
        at_most=5,
    ),
    *_encoding_targets(),
)
