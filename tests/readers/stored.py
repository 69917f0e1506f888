"""How the cells of an XLSX file are stored, before a reader makes anything of them."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(frozen=True, slots=True)
class Stored:
    """The characters of a cell's element, escapes and all."""

    characters: str
    is_shared: bool = False
    """They stand in the table of shared strings."""


def stored_cells(path: Path) -> dict[str, Stored]:
    """Give the cells of the first sheet by reference: A1, B1, ..."""
    with zipfile.ZipFile(path) as package:
        sheet = ET.fromstring(package.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own
        shared = _shared_strings(package)
    cells = sheet.iter(f"{MAIN}c")
    return {cell.get("r", ""): _stored(cell, shared) for cell in cells}


def _shared_strings(package: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in package.namelist():
        return []
    table = ET.fromstring(package.read("xl/sharedStrings.xml"))  # noqa: S314 - our own
    return ["".join(item.itertext()) for item in table.iter(f"{MAIN}si")]


def _stored(cell: ET.Element, shared: list[str]) -> Stored:
    characters = "".join(cell.itertext())
    if cell.get("t") == "s":
        return Stored(shared[int(characters)], is_shared=True)
    return Stored(characters)
