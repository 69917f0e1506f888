"""The demo's check passes for the rows that were sent, and for nothing else."""

import csv
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from rowferry.cli.demo.rows import COLUMNS, HEADER, rows, values
from rowferry.cli.demo.verification import MismatchError, verify_csv, verify_xlsx

COUNT = 40

Table = Sequence[Sequence[str | None]]
Write = Callable[[Path, Table], None]
Verify = Callable[[Path, int, Callable[[int], None]], int]


def ignore(rows: int) -> None:
    del rows


def write_csv(path: Path, table: Table) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)


def write_xlsx(path: Path, table: Table) -> None:
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        date = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for x, name in enumerate(table[0]):
            sheet.write_string(0, x, name)
        for y, row in enumerate(table[1:], 1):
            for x, (text, (_, kind)) in enumerate(zip(row, COLUMNS, strict=True)):
                if text is None:
                    continue
                if kind == "NUMBER" and len(text) < 17:
                    sheet.write_number(y, x, float(text))
                elif kind == "DATE":
                    sheet.write_datetime(y, x, datetime.fromisoformat(text), date)
                elif kind == "BOOLEAN":
                    sheet.write_boolean(y, x, text == "true")
                else:
                    sheet.write_string(y, x, text)


FORMATS = [(write_csv, verify_csv), (write_xlsx, verify_xlsx)]


def table() -> list[list[str | None]]:
    return [list(HEADER), *rows(COUNT)]


def test_rows_have_every_type_and_what_breaks_files() -> None:
    cells = [cell for row in rows(COUNT) for cell in row]
    assert {kind for _, kind in COLUMNS} == {"STRING", "NUMBER", "DATE", "BOOLEAN"}
    assert None in cells
    assert "" in cells
    texts = "".join(cell or "" for cell in cells)
    assert all(part in texts for part in ('"', "\n", ",", "王", "🚚", "=", "<"))
    assert len(values(1)[4] or "") == 19
    assert {values(number)[7] for number in range(1, COUNT)} == {"true", "false"}


@pytest.mark.parametrize(("write", "verify"), FORMATS)
def test_a_file_with_all_cells_right_passes(tmp_path: Path, write: Write, verify: Verify) -> None:
    write(tmp_path / "file", table())
    assert verify(tmp_path / "file", COUNT, ignore) == COUNT * len(HEADER)


DAMAGES: dict[str, tuple[Callable[[list[list[str | None]]], object], str]] = {
    "a row is missing": (lambda rows: rows.pop(), "row 40: the file has fewer rows"),
    "a row is too many": (lambda rows: rows.append(rows[1]), "row 41: the file has more rows"),
    "rows are swapped": (lambda rows: rows.append(rows.pop(3)), "row 3, column 'No'"),
    "a text differs": (lambda rows: rows[5].__setitem__(1, "x"), "row 5, column 'Customer 客户'"),
    "a number differs": (lambda rows: rows[7].__setitem__(3, "1"), "row 7, column 'Amount'"),
    "a null has a value": (lambda rows: rows[10].__setitem__(8, "0"), "row 10, column 'Discount'"),
    "the header differs": (lambda rows: rows[0].__setitem__(0, "x"), "the header, column 'No'"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("write", "verify"), FORMATS)
def test_any_damage_is_found_and_named(
    tmp_path: Path, write: Write, verify: Verify, damage: str
) -> None:
    apply, message = DAMAGES[damage]
    damaged = table()
    apply(damaged)
    write(tmp_path / "file", damaged)
    with pytest.raises(MismatchError, match=message):
        verify(tmp_path / "file", COUNT, ignore)


def test_a_cell_too_many_is_found(tmp_path: Path) -> None:
    rows_found = table()
    rows_found[2].append("")
    write_csv(tmp_path / "file", rows_found)
    with pytest.raises(MismatchError, match="row 2"):
        verify_csv(tmp_path / "file", COUNT, ignore)
