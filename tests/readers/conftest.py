"""Files that are written once, readers that read them all in one run."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.readers import full_sheet
from tests.readers.cells import Book, read_cells
from tests.readers.nasty_files import NastyFile, all_files
from tests.readers.readers import Reader
from tests.readers.toolchains import needs

WITHOUT: Final = os.environ.get("ROWFERRY_READERS_WITHOUT", "").split(",")
"""Readers left out on purpose, by name: a machine on which they are too slow to install."""


@dataclass(slots=True, eq=False)
class Library:
    """The written files, and what the readers made of them."""

    folder: Path
    _printed: dict[str, Path] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Give the path of a file."""
        return self.folder / f"{name}.xlsx"

    def book(self, reader: Reader, file: NastyFile) -> Book:
        """Give what a reader found; it reads all files in its first run."""
        return read_cells(self._all_printed(reader) / f"{file.name}.jsonl")

    def printed(self, reader: Reader, path: Path) -> Path:
        """Let a reader read one file."""
        out = self.folder / f"{reader.name} {path.stem}"
        run_reader(reader, out, [path])
        return out / f"{path.stem}.jsonl"

    def _all_printed(self, reader: Reader) -> Path:
        if reader.name not in self._printed:
            out = self.folder / reader.name
            run_reader(reader, out, [self.path(file.name) for file in all_files()])
            self._printed[reader.name] = out
        return self._printed[reader.name]


def run_reader(reader: Reader, out: Path, paths: list[Path]) -> None:
    """Run a reader, unless it is left out or can't be started."""
    if reader.name in WITHOUT:
        pytest.skip(f"{reader.name} is left out by ROWFERRY_READERS_WITHOUT")
    with needs(reader.name):
        reader.read(out, paths)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """All nasty files."""
    folder = tmp_path_factory.mktemp("readers")
    for file in all_files():
        file.write(folder)
    return Library(folder)


@pytest.fixture(scope="session")
def full_sheet_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that has two sheets because one was full."""
    return full_sheet.write(tmp_path_factory.mktemp("full-sheet"))
