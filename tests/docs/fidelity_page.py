"""The tables of docs/fidelity.md, as cases."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "fidelity.md"
_CELL_BORDER: Final = re.compile(r"(?<!\\)\|")
_SPAN: Final = re.compile(r"`([^`]*)`(?: × (\d+))?")  # noqa: RUF001 - as a page prints it
_NOTHING: Final = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a table says of one format: a word, the texts in code, the kind that is counted."""

    word: str
    texts: tuple[str, ...]
    issue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCase:
    """A value in a column, and what becomes of it."""

    data_type: str
    display_format: str
    options: dict[str, str]
    value: str | None
    csv: Outcome
    xlsx: Outcome


def tables(*head: str) -> list[list[str]]:
    """Give the rows of all tables that have the head."""
    return list(_rows(head))


def _rows(head: tuple[str, ...]) -> Iterator[list[str]]:
    is_inside = False
    for line in PAGE.read_text("utf-8").splitlines():
        cells = _cells(line)
        if cells == list(head):
            is_inside = True
        elif not cells:
            is_inside = False
        elif is_inside and set(cells[0]) != {"-"}:
            yield cells


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip().replace("\\|", "|") for cell in _CELL_BORDER.split(line)[1:-1]]


def code(cell: str) -> str:
    """Give the first text in code as it stands."""
    found = _SPAN.search(cell)
    assert found is not None, cell
    return found[1]


def options_of(cell: str) -> dict[str, str]:
    """Read ``name=value`` pairs in code."""
    if not cell:
        return {}
    return dict(pair.split("=", 1) for pair in code(cell).split(" "))


def column_of(cell: str) -> tuple[str, str]:
    """Read a column's type and format."""
    data_type, _, display_format = code(cell).partition(" ")
    return data_type, display_format


def value_cases() -> list[ValueCase]:
    """Read the tables of values."""
    return [
        ValueCase(
            data_type=column_of(column)[0],
            display_format=column_of(column)[1],
            options=options_of(options),
            value=_value(value),
            csv=_outcome(csv),
            xlsx=_outcome(xlsx),
        )
        for column, options, value, csv, xlsx in tables(
            "column", "options", "value", "CSV", "XLSX"
        )
    ]


def _value(cell: str) -> str | None:
    found = _SPAN.search(cell)
    assert found is not None, cell
    value = json.loads(found[1])
    if value is None:
        return None
    return str(value) * int(found[2] or 1)


def _outcome(cell: str) -> Outcome:
    spans = _SPAN.findall(cell)
    word, _, issue = _SPAN.sub("", cell).partition(";")
    texts = tuple(unescaped(text) * int(times or 1) for text, times in spans)
    word = word.replace(_NOTHING, "").removesuffix("as ").strip()
    return Outcome(word=word, texts=texts, issue=issue.strip())


def unescaped(text: str) -> str:
    r"""Read ``\n``, ``\t``, ``\u0001`` in a text for the characters they stand for."""
    escaped = text.replace('"', '\\"')
    return str(json.loads(f'"{escaped}"'))
