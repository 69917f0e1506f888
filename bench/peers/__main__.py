"""``python -m bench.peers``: the core beside other writers, on tables of many kinds, in one run.

A run of everything writes ``bench/results/peers.json``, the tables ``bench/results/peers.md`` and
the README's figures; one of some shapes or writers, or of fewer rows, only prints its tables.
"""

import argparse
import sys
from typing import Final

from bench.machine import first_line, provenance
from bench.peers import programs
from bench.peers.contestants import CONTESTANTS, OURS, Contestant
from bench.peers.measurement import ShapeRuns
from bench.peers.results import Figure, Results
from bench.peers.tables import MARKDOWN_PATH, markdown
from bench.shapes import SHAPES, Shape
from bench.speed_section import update_readme

FULL_ROWS: Final = 200_000


def main() -> None:
    """Measure, print, and save what is complete."""
    arguments = _arguments()
    shapes = [shape for shape in SHAPES if shape.name in arguments.shapes]
    wanted = {*arguments.writers, OURS}
    contestants = [one for one in CONTESTANTS if one.name in wanted]
    results = Results(_provenance(), _measure(shapes, contestants, arguments.rows))
    text = markdown(results)
    print(text)  # noqa: T201
    if (len(shapes), len(contestants)) == (len(SHAPES), len(CONTESTANTS)) and (
        arguments.rows == FULL_ROWS
    ):
        results.save()
        MARKDOWN_PATH.write_text(text, encoding="utf-8")
        update_readme()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="of the orders")
    shapes, writers = [shape.name for shape in SHAPES], [one.name for one in CONTESTANTS]
    parser.add_argument("--shapes", nargs="+", choices=shapes, default=shapes, metavar="SHAPE")
    parser.add_argument("--writers", nargs="+", choices=writers, default=writers, metavar="NAME")
    return parser.parse_args()


def _measure(shapes: list[Shape], contestants: list[Contestant], row_count: int) -> list[Figure]:
    needed = dict.fromkeys(one.program for one in contestants)
    commands = {program: programs.build(program) for program in needed}
    figures: list[Figure] = []
    for shape in shapes:
        rows = max(1, round(row_count * shape.rows_share))
        print(f"{shape.name}: {rows:,} rows", file=sys.stderr)  # noqa: T201
        figures += ShapeRuns(shape, rows, contestants, commands).figures()
    return figures


def _provenance() -> dict[str, object]:
    document = provenance("bench.peers")
    document["tools"]["java"] = first_line("java", "--version")
    return {**document, "java_options": programs.JAVA_HEAP, "packages": programs.versions()}


if __name__ == "__main__":
    main()
