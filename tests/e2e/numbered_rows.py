"""A data provider for tests: numbers, as slowly as asked. The entry point is made by ``nodes``."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rowferry.domain.spec import Column, DataType
from rowferry.ports import Cancellation
from rowferry.providers.pulled_rows import LINGER_SECONDS

BATCH_ROWS = 100


class NumberedRows:
    """Rows ``first, first + 1, …``, a batch of 100 at a time.

    All behind the second batch wait until there is a file ``gate``, if one is named.
    """

    name = "numbered_rows"
    parameter_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "first": {"type": "integer"},
            "rows": {"type": "integer", "minimum": 0},
            "seconds_per_batch": {"type": "number", "minimum": 0, "default": 0},
            "gate": {"type": "string", "default": ""},
        },
        "required": ["first", "rows"],
        "additionalProperties": False,
    }

    def columns(self, parameters: Mapping[str, Any]) -> Sequence[Column]:
        """Give the one column."""
        return [Column(name="number", data_type=DataType.NUMBER)]

    def rows(
        self, parameters: Mapping[str, Any], cancellation: Cancellation
    ) -> Iterator[list[list[int]]]:
        """Give the numbers."""
        first, end = parameters["first"], parameters["first"] + parameters["rows"]
        for start in range(first, end, BATCH_ROWS):
            if parameters["gate"]:
                _hold_back(start - first, Path(parameters["gate"]), cancellation)
            if cancellation.cancelled:
                return
            time.sleep(parameters["seconds_per_batch"])
            yield [[number] for number in range(start, min(start + BATCH_ROWS, end))]


def _hold_back(row: int, gate: Path, cancellation: Cancellation) -> None:
    if row == BATCH_ROWS:
        time.sleep(2 * LINGER_SECONDS)  # the first two go on to the file
    while row > BATCH_ROWS and not (gate.exists() or cancellation.cancelled):
        time.sleep(0.02)


def file_of(first: int, rows: int) -> bytes:
    """Give the CSV file that an export of these rows is."""
    lines = ["number", *map(str, range(first, first + rows))]
    return "".join(f"{line}\r\n" for line in lines).encode()
