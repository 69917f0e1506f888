"""All readers: how each is started, and its own limits."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.readers import limits, toolchains
from tests.readers.limits import Limit
from tests.readers.toolchains import PROGRAMS

CHECKOUT: Final = Path(__file__).parents[2]
READ_SECONDS: Final = 300.0
JAVA_OPTIONS: Final = ["-Xmx1g", "-XX:+UseSerialGC", "-Dlog4j2.StatusLogger.level=OFF"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reader:
    """A program that prints the cells of files."""

    name: str
    command: Callable[[], list[str]]
    """Raises MissingToolError when it can't be started on this machine."""
    limits: tuple[Limit, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    """Files it does not open, by name, with a piece of what it says."""

    def limits_in_words(self) -> str:
        """Give the limits as docs/fidelity.md has them."""
        sentences = [limit.sentence for limit in self.limits]
        if self.refused:
            sentences.append("refuses parts that inflate to a hundred times their size")
        return "; ".join(sentences) or "none"

    def read(self, out: Path, paths: list[Path]) -> None:
        """Print the cells of ``paths`` into ``out``, one file each."""
        out.mkdir(exist_ok=True)
        subprocess.run(
            [*self.command(), str(out), *map(str, paths)],
            check=True,
            timeout=READ_SECONDS,
            # SheetJS makes local times of dates.
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "TZ": "UTC"},
        )


def _python(script: str) -> Callable[[], list[str]]:
    return lambda: [sys.executable, str(PROGRAMS / script)]


def _libreoffice() -> list[str]:
    toolchains.find("soffice")
    return _python("libreoffice_cells.py")()


def _go(command: str) -> Callable[[], list[str]]:
    return lambda: [str(toolchains.go_program()), command]


def _node(script: str) -> Callable[[], list[str]]:
    def command() -> list[str]:
        toolchains.node_modules()
        return [toolchains.find("node"), str(PROGRAMS / "node" / script)]

    return command


def java(main_class: str) -> Callable[[], list[str]]:
    """Give what starts a Java program of ours."""

    def command() -> list[str]:
        classpath = toolchains.java_classpath()
        return [toolchains.find("java"), *JAVA_OPTIONS, "-cp", classpath, main_class]

    return command


_ZIP_BOMB: Final = {"repetitive": "Zip bomb"}

READERS: Final = [
    Reader(
        name="openpyxl",
        command=_python("openpyxl_cells.py"),
        limits=(limits.ESCAPES_STAY, limits.X005F_IS_DROPPED),
    ),
    Reader(
        name="calamine",
        command=_python("calamine_cells.py"),
        limits=(limits.NONCHARACTERS_STAY, limits.EMPTY_IS_BLANK),
    ),
    Reader(
        name="excelize",
        command=_go("cells"),
        limits=(limits.WHOLE_SECONDS, limits.EMPTY_IS_BLANK),
    ),
    Reader(
        name="exceljs, workbook",
        command=_node("exceljs_workbook.js"),
        limits=(limits.INLINE_ESCAPES_STAY, limits.EMPTY_IS_BLANK),
    ),
    Reader(
        name="exceljs, streaming",
        command=_node("exceljs_stream.js"),
        limits=(limits.ESCAPES_STAY, limits.ENTITIES_TWICE, limits.CHARACTERS_ARE_SPLIT),
    ),
    Reader(
        name="read-excel-file",
        command=_node("read_excel_file.js"),
        limits=(limits.MILLISECOND_OFF, limits.EMPTY_IS_BLANK),
    ),
    Reader(name="SheetJS", command=_node("sheetjs.js"), limits=(limits.MILLISECOND_OFF,)),
    Reader(name="Apache POI, XSSF", command=java("PoiWorkbook"), refused=_ZIP_BOMB),
    Reader(
        name="Apache POI, events",
        command=java("PoiEvents"),
        limits=(limits.WORDS_FOR_BOOLEANS,),
        refused=_ZIP_BOMB,
    ),
    Reader(
        name="LibreOffice",
        command=_libreoffice,
        limits=(
            limits.CONTROLS_ARE_DROPPED,
            limits.LINE_FEEDS_ONLY,
            limits.TABS_ARE_DROPPED,
            limits.MILLISECOND_OFF,
            limits.EMPTY_IS_BLANK,
        ),
    ),
    Reader(
        name="xlsx2csv",
        command=_python("xlsx2csv_cells.py"),
        limits=(
            limits.ESCAPES_STAY,
            limits.SHARED_CR_IS_DROPPED,
            limits.NUMBERS_ARE_TEXT,
            limits.DATES_ARE_TEXT,
            limits.WORDS_FOR_BOOLEANS,
            limits.EMPTY_IS_BLANK,
        ),
    ),
]

_QUICK: Final = {"calamine", "Apache POI, events"}

ROW_READERS: Final = [
    *(reader for reader in READERS if reader.name in _QUICK),
    Reader(name="excelize, rows", command=_go("rows")),
]
"""Readers quick enough for a million rows; the last gives texts only.

exceljs is not among them: now and then it misses the parts that follow a big sheet.
"""
