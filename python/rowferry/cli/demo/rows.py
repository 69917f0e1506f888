"""The demo's rows: every column type, and what usually breaks files.

Every value is arithmetic on the row's number, so that a file is checked without keeping its rows.
"""

from collections.abc import Iterator
from typing import Final

from rowferry.client import Column

COLUMNS: Final = (
    ("No", "NUMBER"),
    ("Customer 客户", "STRING"),
    ("Remark", "STRING"),
    ("Amount", "NUMBER"),
    ("Account", "NUMBER"),
    ("Ordered on", "DATE"),
    ("Updated at", "DATE"),
    ("Paid", "BOOLEAN"),
    ("Discount", "NUMBER"),
)
"""Name and type of each column."""

HEADER: Final = [name for name, _ in COLUMNS]
_NAMES: Final = (
    "王秀英",
    "佐藤花子",
    "Łukasz Żak",
    "O'Brien & Sons",
    "Ünal <GmbH>",
    "=SUM(A1)",
    "007",
)
_REMARKS: Final = (
    'said "yes", twice',
    "first line\nsecond line",
    " kept blanks ",
    "",
    None,
    "请尽快发货、谢谢 🚚",
    "comma, semicolon; tab\there",
)


def values(number: int) -> list[str | None]:
    """Give the cells of row ``number``, counted from 1; None is null.

    ``Account`` has 19 digits: more than a double keeps.
    """
    mixed = number * 2_654_435_761 % 2**32  # Knuth's multiplicative hash: neighbours look unlike
    high = mixed >> 16
    day = f"{1970 + high % 80}-{1 + high % 12:02}-{1 + high % 28:02}"
    sign = "-" if number % 3 == 0 else ""
    return [
        str(number),
        f"{_NAMES[mixed % 7]} {mixed % 10_000}",
        _REMARKS[high % 7],
        f"{sign}{1 + mixed % 1_000_000}.{number % 100:02}",
        f"62{number:012}{high % 100_000:05}",
        day,
        f"{day} {high % 24:02}:{mixed % 60:02}:{high % 60:02}",
        "true" if mixed % 2 else "false",
        None if number % 5 == 0 else f"0.{1 + number % 9}",
    ]


def rows(count: int) -> Iterator[list[str | None]]:
    """Give rows 1 to ``count``."""
    return map(values, range(1, count + 1))


def columns() -> list[Column]:
    """Describe the columns to the service."""
    return [Column(name, kind) for name, kind in COLUMNS]
