"""What the suite measures: printed at its end, and kept as JSON by ``just faults``."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.machine import provenance


class Figures:
    """Notes of the whole run, by the name of what was measured."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._seconds: dict[str, list[float]] = {}

    def count(self, name: str, what: str, number: int = 1) -> None:
        """Add to a count."""
        self._counts.setdefault(name, Counter())[what] += number

    def seconds(self, name: str, seconds: float) -> None:
        """Note a duration."""
        self._seconds.setdefault(name, []).append(seconds)

    def document(self) -> dict[str, Any]:
        """Give all of it as JSON."""
        counted = {name: dict(counts) for name, counts in sorted(self._counts.items())}
        timed = {name: _spread(seconds) for name, seconds in sorted(self._seconds.items())}
        return {"counts": counted, "seconds": timed}

    def lines(self) -> Iterable[str]:
        """Give what was measured for the terminal."""
        for kind in self.document().values():
            for name, values in kind.items():
                listed = ", ".join(f"{what} {value:,}" for what, value in values.items())
                yield f"{name}: {listed}"

    def write(self, path: Path) -> None:
        """Add this run to the file: figures, commit, machine, command.

        Of what was measured before, the file keeps what this run has not measured again.
        """
        document = self.document()
        if not any(document.values()):
            return
        earlier = json.loads(path.read_bytes()) if path.exists() else []
        kept = [_without(run, document) for run in earlier]
        runs = [run for run in kept if any(run[kind] for kind in document)]
        runs.append({**provenance("pytest"), **document})
        path.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")


def _without(run: dict[str, Any], newer: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Leave out of an earlier run what a newer one has measured."""
    return run | {
        kind: {name: values for name, values in run[kind].items() if name not in measured}
        for kind, measured in newer.items()
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    return {
        "samples": len(seconds),
        "median": round(statistics.median(seconds), 3),
        "largest": round(max(seconds), 3),
    }
