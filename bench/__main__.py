"""``python -m bench``: measure the core, the door and the service, beside others, in one run.

Writes ``bench/results/<rows>-rows.json`` and prints a table. With ``--check`` nothing is written:
the run fails when a ratio of processor times is below 70 % of the one that is committed for as
many rows, and is so again in a second run. Ratios can be compared from machine to machine;
seconds can't.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.core import core_figures
from bench.door import door_figures
from bench.figures import CHECKOUT, Figure, print_table
from bench.machine import provenance
from bench.service import service_figures
from bench.speed_section import update_readme
from tests.e2e import go_client

RESULTS: Final = CHECKOUT / "bench/results"
FULL_ROWS: Final = 800_000
SLACK: Final = 0.7
WALL_TIME: Final = "rows/s"  # in the names of ratios that a busy machine spoils


def main() -> int:
    """Measure; return the process's exit code."""
    arguments = _arguments()
    figures = measure(arguments.rows, arguments.repeats)
    print_table(figures)
    if not arguments.check:
        _save(figures, arguments.rows)
        update_readme()
        return 0
    worse = _worse(figures, arguments.rows)
    if worse:
        # what a neighbour's load spoilt once, it hardly spoils twice
        again = _worse(measure(arguments.rows, arguments.repeats), arguments.rows)
        worse = {job: line for job, line in worse.items() if job in again}
    for line in worse.values():
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if worse else 0


def measure(row_count: int, repeats: int) -> list[Figure]:
    """Measure everything, the parts first: the service is compared with them."""
    client = go_client.build()
    figures = [
        *core_figures(row_count, repeats),
        *door_figures(client, row_count, repeats),
    ]
    return [*figures, *service_figures(client, row_count, repeats, figures)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="rows of each job")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the best counts")
    parser.add_argument("--check", action="store_true", help="compare with the committed ratios")
    return parser.parse_args()


def _save(figures: Iterable[Figure], row_count: int) -> None:
    RESULTS.mkdir(exist_ok=True)
    document = {**provenance("bench"), "figures": [figure.document() for figure in figures]}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    _results_path(row_count).write_text(text + "\n", encoding="utf-8")


def _results_path(row_count: int) -> Path:
    return RESULTS / f"{row_count}-rows.json"


def _worse(figures: Sequence[Figure], row_count: int) -> dict[tuple[str, str], str]:
    """Say by job and other which ratios are below what was committed, wall times left out."""
    committed = json.loads(_results_path(row_count).read_text(encoding="utf-8"))["figures"]
    before = {figure["name"]: figure["ratios"] for figure in committed}
    worse = {}
    for figure in figures:
        for other, ratio in figure.ratios.items():
            least = SLACK * before[figure.name][other]
            if ratio < least and WALL_TIME not in other:
                sentence = f"{ratio:.2f}x {other}, at least {least:.2f}x was expected"
                worse[figure.name, other] = f"{figure.name}: {sentence}"
    return worse


if __name__ == "__main__":
    sys.exit(main())
