"""Tables of many kinds, so that nothing is tuned to one: any number of rows each.

Rows are pseudo-random, but the same on every run.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from bench import dataset
from bench.frames import Columns

Row = list[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of table; ``row`` gives the cells of a row that is counted from 1."""

    name: str
    about: str
    columns: Columns
    """Name and ``DataType`` of each."""
    row: Callable[[int], Row]
    batch_rows: int = 1000
    rows_share: float = 1.0
    """Rows for each row of the orders: runs of all shapes take about as long."""


def _columns(*data_types: str) -> Columns:
    return tuple((f"Column {number}", kind) for number, kind in enumerate(data_types, 1))


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same on every run


def _vocabulary(word_count: int) -> list[str]:
    chance = _chance(7)
    letters = "etaoinshrdlcumwfgypbvk"
    return ["".join(chance.choices(letters, k=3 + number % 7)) for number in range(word_count)]


_WORDS: Final = _vocabulary(3000)
_WORD_WEIGHTS: Final = list(accumulate(1 / (rank + 10) for rank in range(len(_WORDS))))
_MARKUP: Final = ("<b>", " & ", '"', "\n", "、", "; ")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-+"
_STATES: Final = (
    *("open", "closed", "pending review", "北京", "上海", "United Kingdom"),
    *("returned", "EUR", "warehouse 7", "yes", "no", "not applicable"),
)
_CELLS_NOT_NULL: Final = 0.15


def _prose(chance: random.Random, characters: int) -> str:
    words = chance.choices(_WORDS, cum_weights=_WORD_WEIGHTS, k=characters // 5)
    return " ".join(words)[:characters].rstrip()


def _wide_numbers(number: int) -> Row:
    chance = _chance(number)
    quarter = [
        (
            str(chance.randrange(100_000)),
            f"{chance.randrange(10_000)}.{chance.randrange(100):02}",
            f"-{chance.randrange(100)}.{chance.randrange(10_000):04}",
            str(number + column),
        )
        for column in range(25)
    ]
    return [cell for cells in quarter for cell in cells]


def _numbers(number: int) -> Row:
    chance = _chance(number)
    return [
        str(number),
        str(10**12 + chance.randrange(10**12)),
        f"{chance.randrange(1000)}.{chance.randrange(100):02}",
        f"0.{chance.randrange(10**14, 10**15)}",
        f"-{chance.randrange(10**6)}.{chance.randrange(1000):03}",
        str(chance.randrange(10)),
        str(chance.randrange(2)),
        "0",
        f"{chance.randrange(90)}.{chance.randrange(10**6):06}",
        f"-{chance.randrange(180)}.{chance.randrange(10**6):06}",
        str(1_700_000_000 + 37 * number),
        f"{chance.randrange(10**5)}.5",
    ]


def _narrow(number: int) -> Row:
    chance = _chance(number)
    user = f"user{chance.randrange(1_000_000)}@example.org"
    return [str(number), user, str(chance.randrange(16_384))]


def _low_cardinality(number: int) -> Row:
    return [*_chance(number).choices(_STATES, k=10)]


def _random_text(number: int) -> Row:
    letters = "".join(_chance(number).choices(_LETTERS, k=6 * 24))
    return [letters[start : start + 24] for start in range(0, len(letters), 24)]


def _null_heavy(number: int) -> Row:
    chance = _chance(number)
    cells = (_cell_of_four(chance, column) for column in range(20))
    return [cell if chance.random() < _CELLS_NOT_NULL else None for cell in cells]


def _cell_of_four(chance: random.Random, column: int) -> str:
    match column % 4:
        case 0:
            return f"note {chance.randrange(10**7)}"
        case 2:
            month, day = 1 + chance.randrange(12), 1 + chance.randrange(28)
            return f"{2000 + chance.randrange(30)}-{month:02}-{day:02}"
        case _:
            return str(chance.randrange(10**6))


def _many_columns(number: int) -> Row:
    chance = _chance(number)
    pairs = ((str(chance.randrange(10**6)), f"v{chance.randrange(500)}") for _ in range(1000))
    return [cell for pair in pairs for cell in pair]


def _long_text(number: int) -> Row:
    chance = _chance(number)
    return [_prose(chance, 200) for _ in range(3)]


def _giant_text(number: int) -> Row:
    """Give texts of 10 KB, a hundredth of it characters that XML or CSV must escape."""
    chance = _chance(number)
    pieces = ([_prose(chance, 95), chance.choice(_MARKUP)] for _ in range(2 * 100))
    text = "".join(part for piece in pieces for part in piece)
    return [text[: len(text) // 2], text[len(text) // 2 :]]


ORDERS: Final = Shape(
    name="orders",
    about="12 columns: texts with CJK and quotes, numbers, dates, a truth value",
    columns=dataset.COLUMNS,
    row=dataset.values,
)
SHAPES: Final = (
    ORDERS,
    Shape(
        name="wide_numbers",
        about="100 columns of numbers",
        columns=_columns(*["NUMBER"] * 100),
        row=_wide_numbers,
        batch_rows=250,
        rows_share=1 / 16,
    ),
    Shape(
        name="numbers",
        about="12 columns of numbers, up to 15 digits",
        columns=_columns(*["NUMBER"] * 12),
        row=_numbers,
        rows_share=1 / 2,
    ),
    Shape(
        name="narrow",
        about="3 columns: number, address, number",
        columns=_columns("NUMBER", "STRING", "NUMBER"),
        row=_narrow,
        batch_rows=4000,
        rows_share=2,
    ),
    Shape(
        name="low_cardinality",
        about="10 columns of 12 different texts",
        columns=_columns(*["STRING"] * 10),
        row=_low_cardinality,
        rows_share=1 / 2,
    ),
    Shape(
        name="null_heavy",
        about="20 columns of all kinds, 85 % null",
        columns=_columns(*["STRING", "NUMBER", "DATE", "NUMBER"] * 5),
        row=_null_heavy,
        rows_share=1 / 2,
    ),
    Shape(
        name="random_text",
        about="6 columns of 24 random letters: incompressible",
        columns=_columns(*["STRING"] * 6),
        row=_random_text,
        rows_share=1 / 2,
    ),
    Shape(
        name="long_text",
        about="3 columns of 200 characters of prose",
        columns=_columns(*["STRING"] * 3),
        row=_long_text,
        batch_rows=300,
        rows_share=1 / 4,
    ),
    Shape(
        name="giant_text",
        about="2 columns of 10 KB of prose and markup",
        columns=_columns("STRING", "STRING"),
        row=_giant_text,
        batch_rows=10,
        rows_share=1 / 80,
    ),
    Shape(
        name="many_columns",
        about="2,000 columns: numbers and short texts",
        columns=_columns(*["NUMBER", "STRING"] * 1000),
        row=_many_columns,
        batch_rows=10,
        rows_share=1 / 400,
    ),
)
