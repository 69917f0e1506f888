"""A data provider that needs no database: every product of two numbers up to ``size``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rowferry.providers import Cancellation, Column, DataType, RowBatch


class TimesTable:
    """``size`` x ``size`` rows: knows its rows, and nothing of queues, retries or files."""

    name = "times_table"
    parameter_schema: Mapping[str, Any] = {
        "type": "object",
        "properties": {"size": {"type": "integer", "minimum": 0, "maximum": 10_000}},
        "required": ["size"],
        "additionalProperties": False,
    }

    def columns(self, parameters: Mapping[str, Any]) -> Sequence[Column]:
        return [Column(name=name, data_type=DataType.NUMBER) for name in ("a", "b", "a x b")]

    def count(self, parameters: Mapping[str, Any], cancellation: Cancellation) -> int:
        return int(parameters["size"]) ** 2

    def rows(
        self, parameters: Mapping[str, Any], cancellation: Cancellation
    ) -> Iterator[RowBatch]:
        numbers = range(1, parameters["size"] + 1)
        for a in numbers:
            yield [(a, b, a * b) for b in numbers]
