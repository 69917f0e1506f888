"""The table that each client is held to, ``clients/conformance.json`` (see clients/README.md)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

TABLE: Final = Path(__file__).parents[2] / "clients/conformance.json"

Case = dict[str, Any]


def cases() -> list[Case]:
    """Give all cases."""
    found: list[Case] = json.loads(TABLE.read_text("utf-8"))["cases"]
    return found


def generated_rows(count: int) -> Iterator[list[Any]]:
    """Give the rows that a case's ``generated`` asks for."""
    for n in range(1, count + 1):
        yield [n, f'行 {n}, "x"', n * 7919 % 100_003, None if n % 16 == 0 else n % 2 == 0]
