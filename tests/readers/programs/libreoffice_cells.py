"""Prints the cells of XLSX files as LibreOffice opens them.

``python libreoffice_cells.py OUT FILE...`` has it save them as flat OpenDocument spreadsheets,
which keep types, and reads those (OpenDocument 1.3 Part 3 §9, §19.385).
"""

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree as ET

from tests.readers.cells import Cell, boolean, moment, number, text, write_cells

OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TRUTH_VALUES: Final = {"of:=TRUE()", "of:=FALSE()"}
"""LibreOffice's only way to have a truth value."""

DAY_ZERO: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - cells have no zone
TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def main(out: Path, paths: list[Path]) -> None:
    """Print each file's cells into ``out``."""
    with TemporaryDirectory() as folder:
        convert(Path(folder), paths)
        for path in paths:
            document = ET.parse(Path(folder) / f"{path.stem}.fods")  # noqa: S314 - written just now
            tables = document.iter(f"{TABLE}table")
            sheets = ((table.get(f"{TABLE}name", ""), _cells(table)) for table in tables)
            write_cells(out / f"{path.stem}.jsonl", sheets)


def convert(folder: Path, paths: list[Path]) -> None:
    """Save files into ``folder``, with a profile of their own: users may have theirs open."""
    command = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    command += ["--convert-to", "fods", "--outdir", str(folder), *map(str, paths)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _cells(table: ET.Element) -> Iterator[tuple[int, int, Cell]]:
    row = 1
    for line in table.iter(f"{TABLE}table-row"):
        column = 1
        for cell in line:
            kind = cell.get(f"{OFFICE}value-type")
            repeated = int(cell.get(f"{TABLE}number-columns-repeated", "1"))
            if kind is not None:
                for offset in range(repeated):
                    yield row, column + offset, _cell(cell, kind)
            column += repeated
        # Equal rows are one row; those with cells are unrolled, the blank rest is not.
        repeated = int(line.get(f"{TABLE}number-rows-repeated", "1"))
        row += repeated


def _cell(cell: ET.Element, kind: str) -> Cell:
    if (formula := cell.get(f"{TABLE}formula")) in TRUTH_VALUES:
        return boolean(value=formula == "of:=TRUE()")
    match kind:
        case "string":
            return text("\n".join(_paragraph(p) for p in cell.iterfind(f"{TEXT}p")))
        case "float" | "percentage" | "currency":
            return number(float(cell.get(f"{OFFICE}value", "")))
        case "date":
            # Nine decimals are more than Python reads.
            whole, _, fraction = cell.get(f"{OFFICE}date-value", "").partition(".")
            return moment(
                dt.datetime.fromisoformat(whole) + dt.timedelta(seconds=float(f"0.{fraction}0"))
            )
        case "time":
            return moment(DAY_ZERO + _duration(cell.get(f"{OFFICE}time-value", "")))
        case _:
            return Cell(kind, "")


def _duration(value: str) -> dt.timedelta:
    """Read what a format without a date makes of a date: PT1106138H20M30.25S."""
    hours, minutes, seconds = re.findall("[0-9.]+", value)
    return dt.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def _paragraph(paragraph: ET.Element) -> str:
    """Give a paragraph's text, with its blanks, tabs and line breaks spelled out."""
    pieces = [paragraph.text or ""]
    for child in paragraph:
        if child.tag == f"{TEXT}s":
            pieces.append(" " * int(child.get(f"{TEXT}c", "1")))
        elif child.tag == f"{TEXT}tab":
            pieces.append("\t")
        elif child.tag == f"{TEXT}line-break":
            pieces.append("\n")
        else:
            pieces.append(_paragraph(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
