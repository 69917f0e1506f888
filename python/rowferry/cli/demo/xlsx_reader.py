"""Reads an XLSX file with the standard library alone: nothing here knows how we write one.

ECMA-376 Part 1 §18.3 (worksheets), §18.4 (shared strings), §18.8 (styles). The first sheet is
streamed, so memory stays flat for any number of rows.
"""

import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

Cell = str | float | bool | datetime | None

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_SHEET: Final = "xl/worksheets/sheet1.xml"
_STRINGS: Final = "xl/sharedStrings.xml"
_STYLES: Final = "xl/styles.xml"
_PIECE_BYTES: Final = 256 * 2**10
# Serial 1 is 1900-01-01, and Excel counts a 1900-02-29 that never was (ECMA-376 §18.17.4.1).
_DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001  wall clock
_BUILT_IN_DATES: Final = frozenset(range(14, 23))
_DATE_LETTERS: Final = re.compile(r"[ymdhs]")
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def read_rows(path: Path) -> Iterator[list[Cell]]:
    """Give the rows of the first sheet; a missing cell between others is None."""
    with zipfile.ZipFile(path) as package:
        parser = _SheetParser(_shared_strings(package), _date_styles(package))
        with package.open(_SHEET) as sheet:
            while piece := sheet.read(_PIECE_BYTES):
                parser.feed(piece)
                yield from parser.take_rows()
        parser.finish()
        yield from parser.take_rows()


class _SheetParser:
    """Turns the sheet's XML into rows as it comes."""

    def __init__(self, shared_strings: list[str], date_styles: frozenset[int]) -> None:
        self._shared_strings = shared_strings
        self._date_styles = date_styles
        self._rows: list[list[Cell]] = []
        self._row: list[Cell] = []
        self._cell: dict[str, str] = {}
        self._text: list[str] = []
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end

    def feed(self, piece: bytes) -> None:
        self._expat.Parse(piece, False)  # noqa: FBT003  expat's signature

    def finish(self) -> None:
        self._expat.Parse(b"", True)  # noqa: FBT003  expat's signature

    def take_rows(self) -> list[list[Cell]]:
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._cell = attributes
            self._text = []
        elif name in {"v", "t"}:
            self._expat.CharacterDataHandler = self._text.append
        elif name == "row":
            self._row = []

    def _end(self, name: str) -> None:
        if name in {"v", "t"}:
            self._expat.CharacterDataHandler = None
        elif name == "c":
            missing = _column(self._cell["r"]) - len(self._row)
            self._row += [None] * missing
            self._row.append(self._value("".join(self._text)))
        elif name == "row":
            self._rows.append(self._row)

    def _value(self, text: str) -> Cell:
        match self._cell.get("t", "n"):
            case "s":
                return self._shared_strings[int(text)]
            case "inlineStr" | "str":
                return text
            case "b":
                return text == "1"
            case _:
                return self._number(float(text))

    def _number(self, number: float) -> Cell:
        if int(self._cell.get("s", "0")) not in self._date_styles:
            return number
        return _DAY_ZERO + timedelta(milliseconds=round(number * 86_400_000))


def _column(reference: str) -> int:
    """Give the 0-based column of a reference such as ``AB12``."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(f"{reference!r} is no cell reference")
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _shared_strings(package: zipfile.ZipFile) -> list[str]:
    if _STRINGS not in package.namelist():
        return []
    root = ET.fromstring(package.read(_STRINGS))  # noqa: S314  our own file, and no DTD in it
    return ["".join(part.text or "" for part in item.iter(f"{_MAIN}t")) for item in root]


def _date_styles(package: zipfile.ZipFile) -> frozenset[int]:
    """Give the cell styles whose number format shows a date or a time."""
    root = ET.fromstring(package.read(_STYLES))  # noqa: S314  as above
    own_dates = {
        int(item.get("numFmtId", "0"))
        for item in root.iter(f"{_MAIN}numFmt")
        if _DATE_LETTERS.search(item.get("formatCode", ""))
    }
    styles = root.find(f"{_MAIN}cellXfs")
    return frozenset(
        index
        for index, style in enumerate(() if styles is None else styles)
        if int(style.get("numFmtId", "0")) in own_dates | _BUILT_IN_DATES
    )
