"""Every reader finds in every file what was put there, but for its own documented limits."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]

from tests.readers import full_sheet
from tests.readers.cells import ReaderError, Sheet
from tests.readers.conftest import Library
from tests.readers.limits import Limit, Read, explain
from tests.readers.nasty_files import NastyFile, all_files
from tests.readers.readers import READERS, ROW_READERS, Reader
from tests.readers.stored import Stored, stored_cells

pytestmark = [pytest.mark.readers, pytest.mark.timeout(600)]

FILES: Final = all_files()
SHOWN_DIFFERENCES: Final = 20
BLANK: Final = Stored("")


def _names(items: list[Reader] | list[NastyFile]) -> list[str]:
    return [item.name for item in items]


def _is_refused(reader: Reader, file: NastyFile) -> bool:
    return file.name in reader.refused


@pytest.mark.parametrize("file", FILES, ids=_names(FILES))
@pytest.mark.parametrize("reader", READERS, ids=_names(READERS))
def test_every_cell_is_what_was_sent(reader: Reader, file: NastyFile, library: Library) -> None:
    if _is_refused(reader, file):
        with pytest.raises(ReaderError, match=reader.refused[file.name]):
            library.book(reader, file)
        return
    unexplained = [line for line, reasons in _differences(reader, file, library) if not reasons]
    assert not unexplained, "\n".join(unexplained[:SHOWN_DIFFERENCES])


@pytest.mark.parametrize("reader", READERS, ids=_names(READERS))
def test_every_limit_of_a_reader_still_occurs(reader: Reader, library: Library) -> None:
    seen: set[Limit] = set()
    for file in FILES:
        if not _is_refused(reader, file):
            seen.update(*(reasons for _, reasons in _differences(reader, file, library)))
    assert not [limit.sentence for limit in reader.limits if limit not in seen]


Difference: TypeAlias = tuple[str, set[Limit]]
"""Where two cells differ, in words, and the reader's limits that explain it."""


@functools.cache
def _differences(reader: Reader, file: NastyFile, library: Library) -> list[Difference]:
    book, expected = library.book(reader, file), file.expected()
    assert list(book) == list(expected), "sheets"
    if book == expected:
        return []
    stored = stored_cells(library.path(file.name))
    return [
        difference
        for name, cells in expected.items()
        for difference in _in_sheet(cells, book[name], stored, reader)
    ]


def _in_sheet(
    expected: Sheet, actual: Sheet, stored: dict[str, Stored], reader: Reader
) -> Iterator[Difference]:
    for row, column in sorted(expected.keys() | actual.keys()):
        want: Read = expected.get((row, column))
        got: Read = actual.get((row, column))
        if want != got:
            reference = f"{get_column_letter(column)}{row}"
            line = f"{reference}: {want!r:.200} was read as {got!r:.200}"
            yield line, explain(want, stored.get(reference, BLANK), got, reader.limits)


@pytest.mark.parametrize("reader", ROW_READERS, ids=_names(ROW_READERS))
def test_rows_beyond_a_full_sheet_are_on_the_next(
    reader: Reader, library: Library, full_sheet_path: Path
) -> None:
    printed = library.printed(reader, full_sheet_path)
    assert _texts(printed) == sum(1 for _ in full_sheet.expected())


def _texts(printed: Path) -> int:
    """Compare cell by cell, a million of them, and give their number."""
    sheet = ""
    expected = full_sheet.expected()
    count = 0
    with printed.open(encoding="utf-8") as lines:
        for line in lines:
            match json.loads(line):
                case [str(name)]:
                    sheet = name
                case [row, 1, "text", value]:
                    assert (sheet, row, value) == next(expected)
                    count += 1
                case other:
                    pytest.fail(f"no cell of the column: {other}")
    return count
