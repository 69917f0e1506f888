"""The data set of the benchmarks and the end-to-end tests: any number of rows x 12 columns.

Every value is integer arithmetic on the row's number, so a file can be checked cell for cell by
whoever did not write it. ``tests/e2e/go/dataset.go`` computes the same in Go; change both.

Four texts (with CJK, commas, quotes and a line break now and then; every 16th remark is null),
four numbers, two dates, a truth value and a text of few different values: about 200 bytes a row
as a protobuf ``Record``.
"""

from collections.abc import Iterator
from typing import Final

COLUMNS: Final = (
    ("Order", "STRING"),
    ("Customer 客户", "STRING"),
    ("Address", "STRING"),
    ("Remark", "STRING"),
    ("Quantity", "NUMBER"),
    ("Unit price", "NUMBER"),
    ("Amount", "NUMBER"),
    ("Balance", "NUMBER"),
    ("Ordered on", "DATE"),
    ("Updated at", "DATE"),
    ("Paid", "BOOLEAN"),
    ("Status", "STRING"),
)
"""Name and ``DataType`` of each column."""

NULL_REMARK_EVERY: Final = 16
_LINE_BREAK_EVERY: Final = 50
_FAMILY_NAMES: Final = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "佐藤")
_GIVEN_NAMES: Final = ("伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "花子")
_CITIES: Final = ("北京市朝阳区", "上海市", "Zürich", "東京都港区", "São Paulo", "Kraków", "Łódź")
_STREETS: Final = ("建国路", "Long Street", "Rua Augusta", "中山北路", "Bahnhofstrasse")
_WORDS: Final = ("urgent", "请尽快发货", "handle with care", "gift wrap, please", "再確認", "ok")
_STATES: Final = ("new", "paid", "shipped", "returned", "closed")


def values(number: int) -> list[str | None]:
    """Give the twelve cells of row ``number``, counted from 1; None is null."""
    mixed = number * 2654435761 % 2**32  # Knuth's multiplicative hash: neighbours look unlike
    high = mixed >> 16
    quantity = mixed % 1000
    cents = mixed % 99_991
    thousandths = mixed % 10_000_019
    amount = quantity * cents
    sign = "-" if number % 2 else ""
    day = f"{2000 + high % 30}-{1 + high % 12:02}-{1 + high % 28:02}"
    clock = f"{1 + high % 23:02}:{mixed % 60:02}:{high % 60:02}"
    break_or_blank = " " if number % _LINE_BREAK_EVERY else "\n"
    return [
        f"SO-{number:010}",
        f"{_FAMILY_NAMES[high % 10]}{_GIVEN_NAMES[mixed % 10]} Customer-{mixed % 100_000}",
        f"{_CITIES[high % 7]}, {_STREETS[mixed % 5]} {high % 997} 号, {mixed % 90_000 + 10_000}",
        None
        if number % NULL_REMARK_EVERY == 0
        else f'Said "{_WORDS[high % 6]}",{break_or_blank}ticket {mixed}',
        f"{quantity}",
        f"{cents // 100}.{cents % 100:02}",
        f"{amount // 100}.{amount % 100:02}",
        f"{sign}{thousandths // 1000 + 1}.{thousandths % 1000:03}",
        day,
        f"{day} {clock}",
        "true" if mixed % 3 else "false",
        _STATES[high % 5],
    ]


def rows(count: int) -> Iterator[list[str | None]]:
    """Give rows 1 to ``count``."""
    return map(values, range(1, count + 1))
