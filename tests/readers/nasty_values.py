"""Values that have broken exports, with what every spreadsheet must show for them."""

import random
from collections.abc import Iterator
from typing import Final, TypeAlias

from tests.readers.cells import Cell, boolean, date, number, text

Expected: TypeAlias = list[tuple[str, Cell]]
"""A value as a client sends it, and the cell it becomes with the default options."""

MAX_TEXT_UNITS: Final = 32_767
"""Excel: the longest text of a cell, in UTF-16 units."""

PLAIN_TEXTS: Final = [
    "plain",
    "中文，订单",  # noqa: RUF001 - as Chinese is written
    "日本語 ひらがな カタカナ",
    "한국어",
    "𠮷野家",
    "emoji 😀 👩‍👩‍👧‍👦 🏳️‍🌈",
    "e\u0301 combining, é composed",
    "שלום עולם",
    "\u202bمرحبا\u202c",  # noqa: RUF001 - as Arabic is written
    "zero\u200bwidth\ufeff",
    "no\u00a0break\u2007\u202f",
    "line\u2028separator\u2029",
    "next\u0085line",
    "delete \x7f and C1 \x80\x9f",
    "replacement \ufffd",
    "private \ue000 \U000f0000",
    "<b>bold</b> & \"quoted\" 'single' ]]> <![CDATA[x]]>",
    "&amp; &lt; &#10; &nbsp;",
    "=1+1",
    '=HYPERLINK("x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "'quoted",
    "007",
    "1e5",
    "1234567890123456789",
    "TRUE",
    "false",
    "2026-03-01",
    "#N/A",
    "#REF!",
    "null",
    "NaN",
    "0",
    "percent 10%",
    "a\tb",
    "comma, semicolon; pipe|",
    "back\\slash",
    "_x0041",
    "x0041_",
    "__",
    "_x00G1_",
]
"""Texts that need no escape beyond XML's own."""

LINES: Final = ["a\nb", "a\n\nb", "a\r\nb", "a\rb", "\na\n", "\r\n"]
BLANKS: Final = [
    "",
    " ",
    "  leading",
    "trailing  ",
    "\ttab",
    "tab\t",
    "\u3000ideographic\u3000",
    " \n ",
]
ESCAPES: Final = [
    "_x0041_",
    "_x005F_",
    "_x000D_",
    "_x000d_",
    "a_x0041_b__x0042__",
    "_x005F_x0041_",
    "_xD83D__xDE00_",
]
"""Texts that look like Excel's escapes (ECMA-376 Part 1 §22.9.2.19)."""

CONTROLS: Final = [
    "\x01",
    "a\x00b",
    "bell\x07",
    "\x0b\x0c",
    "escape \x1b[0m",
    "\x1f unit",
    "unit \x1f",
    "\ufffe\uffff",
]
"""Characters that XML 1.0 forbids (§2.2)."""

NONCHARACTERS: Final = {0xFFFE, 0xFFFF}

TEXTS: Final = [*PLAIN_TEXTS, *LINES, *BLANKS, *ESCAPES, *CONTROLS]

STRINGS: Final[Expected] = [(value, text(value)) for value in TEXTS]

_CHANCE: Final = random.Random(32_767)  # noqa: S311 - the same texts on every run


def _letters(alphabet: str, count: int) -> str:
    return "".join(_CHANCE.choices(alphabet, k=count))


def _long_texts() -> Iterator[tuple[str, str]]:
    ascii_text = _letters("abcdefghijklmnopqrstuvwxyz", 40_000)
    yield ascii_text[:MAX_TEXT_UNITS], ascii_text[:MAX_TEXT_UNITS]
    yield ascii_text[: MAX_TEXT_UNITS + 1], ascii_text[:MAX_TEXT_UNITS]
    yield ascii_text, ascii_text[:MAX_TEXT_UNITS]
    cjk = _letters("中文订单数据行列表", 40_000)
    yield cjk, cjk[:MAX_TEXT_UNITS]
    # Two units each: the last unit stays free rather than half a character.
    emoji = _letters("😀😁😂🤣😃😄😅", 16_384)
    yield emoji[:16_383], emoji[:16_383]
    yield emoji, emoji[:16_383]
    yield f"x{emoji}", f"x{emoji[:16_383]}"
    markup = _letters("<&>\"'\n\t ", MAX_TEXT_UNITS - 2)
    yield f"|{markup}|", f"|{markup}|"


LONG_TEXTS: Final[Expected] = [(value, text(cut)) for value, cut in _long_texts()]

EXACT_NUMBERS: Final = [
    "0",
    "1",
    "-1",
    "0.1",
    "-12.50",
    "3.14159265358979",
    "123456789012345",
    "-123456789012345",
    "999999999999999",
    "0.000001",
    "0.00000000000000000001",
    "1.10",
    "100000000000000",
    "0.0",
    "-0",
]
"""At most 15 significant digits: a double keeps them."""

INEXACT_NUMBERS: Final = [
    "1234567890123456",
    "123456789012345678",
    "0.1234567890123456",
    "007",
    "-01",
    "1e5",
    "1E-7",
    "+5",
    ".5",
    "5.",
    "1e400",
]
NO_NUMBERS: Final = [
    "",
    " 1",
    "1 ",
    "1,000",
    "1 000",
    "1_000",
    "0x10",
    "abc",
    "--1",
    "1.2.3",
    "١٢٣",
    "NaN",
    "Infinity",
    "-inf",
    "12%",
    "$5",
    "1\n",
]

NUMBERS: Final[Expected] = [
    *((value, number(float(value))) for value in EXACT_NUMBERS),
    *((value, text(value)) for value in [*INEXACT_NUMBERS, *NO_NUMBERS]),
]

MOMENTS: Final = [
    "1900-03-01",
    "1904-01-01",
    "1970-01-01",
    "2000-02-29",
    "2026-03-01",
    "9999-12-31",
    "2026-03-01 00:00:00",
    "2026-03-01 10:20:30",
    "2026-03-01T10:20:30",
    "2026-03-01 10:20",
    "2026-03-01 23:59:59",
    "2026-03-01 10:20:30.250",
    "2026-03-01 00:00:00.001",
    "9999-12-31 23:59:59",
    "1900-03-01 00:00:01",
    "1999-12-31 12:00:00",
]
NO_MOMENTS: Final = [
    "1900-02-28",
    "1900-02-29",
    "1900-01-01",
    "1899-12-31",
    "0001-01-01",
    "2026-02-30",
    "2025-02-29",
    "2026-13-01",
    "2026-00-10",
    "10000-01-01",
    "2026-1-1",
    "01.03.2026",
    "2026/03/01",
    "20260301",
    "",
    "2026-03-01 24:00:00",
    "2026-03-01 10:60:00",
    "yesterday",
    "45000",
    " 2026-03-01",
]
"""No dates, or before 1900-03-01, where spreadsheets disagree: they stay text."""

DATES: Final[Expected] = [
    *((value, date(value)) for value in MOMENTS),
    *((value, text(value)) for value in NO_MOMENTS),
]

TRUE_WORDS: Final = ["true", "TRUE", "True", "1", "t", "T", "yes", "YES", "y", "Y"]
FALSE_WORDS: Final = ["false", "FALSE", "False", "0", "f", "F", "no", "NO", "n", "N"]
NO_WORDS: Final = ["", "2", "on", "off", " true", "01", "maybe", "是"]

BOOLEANS: Final[Expected] = [
    *((value, boolean(value=True)) for value in TRUE_WORDS),
    *((value, boolean(value=False)) for value in FALSE_WORDS),
    *((value, text(value)) for value in NO_WORDS),
]
