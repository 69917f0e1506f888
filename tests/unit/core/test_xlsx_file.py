import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from rowferry._core import CoreError, XlsxWriter
from tests.unit.core.exporting import Row, frames, make_schema, write

# openpyxl leaves escapes (_xHHHH_) as they are and calamine trims blanks at the ends.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="_\ufffe\uffff"),
    max_size=12,
).map(lambda text: f"|{text}|")


def _read(path: Path) -> list[tuple[Any, ...]]:
    workbook = openpyxl.load_workbook(path)
    return list(workbook["Sheet1"].iter_rows(min_row=2, values_only=True))


def _write(path: Path, types: str, rows: list[Row], **options: object) -> Path:
    write(make_schema("EXCEL", types, **options), path, rows)
    return path


@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_text_comes_back_through_two_readers(rows: list[tuple[str, str]], tmp_path: Path) -> None:
    path = _write(tmp_path / "file.xlsx", "ss", list(rows))
    assert _read(path) == rows
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_name("Sheet1")
    assert sheet.to_python()[1:] == [list(row) for row in rows]


def test_cells_have_their_columns_types(tmp_path: Path) -> None:
    rows: list[Row] = [
        ["007", "-12.50", "2026-03-01", "true"],
        [None, "0.1", "2026-03-01 10:20:30.250", "0"],
        [" a\nb ", "123456789012345678", "1899-12-31", "maybe"],
    ]
    assert _read(_write(tmp_path / "file.xlsx", "sndb", rows)) == [
        ("007", -12.5, dt.datetime(2026, 3, 1), True),  # noqa: DTZ001 - cells have no zone
        (None, 0.1, dt.datetime(2026, 3, 1, 10, 20, 30, 250_000), False),  # noqa: DTZ001
        (" a\nb ", "123456789012345678", "1899-12-31", "maybe"),
    ]


def test_the_header_is_bold_frozen_and_filtered(tmp_path: Path) -> None:
    rows: list[Row] = [["x", "1"]] * 3
    path = _write(tmp_path / "file.xlsx", "sn", rows, excel_start_row=3)
    sheet = openpyxl.load_workbook(path)["Sheet1"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A4", "A3:B6")
    assert [cell.value for cell in sheet[3]] == ["A", "B"]
    assert sheet["A3"].font.bold
    assert not sheet["A4"].font.bold


def test_dates_show_as_dates_and_numbers_as_asked(tmp_path: Path) -> None:
    path = _write(tmp_path / "file.xlsx", "dd", [["2026-01-01", "2026-01-01 10:00:00"]])
    sheet = openpyxl.load_workbook(path)["Sheet1"]
    formats = (sheet["A2"].number_format, sheet["B2"].number_format)
    assert formats == ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss")


def test_control_characters_in_the_header_leave_the_file_readable(tmp_path: Path) -> None:
    path = _write(tmp_path / "file.xlsx", "s", [["\x01 <&> \x0b"]])
    assert _read(path) == [("_x0001_ <&> _x000B_",)]


def test_no_part_has_a_clock_time(tmp_path: Path) -> None:
    path = _write(tmp_path / "file.xlsx", "s", [["a"]])
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
        assert {part.date_time for part in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"dcterms:W3CDTF" not in package.read("docProps/core.xml")
        assert {part.flag_bits for part in package.infolist()} == {0}
    again = _write(tmp_path / "again.xlsx", "s", [["a"]])
    assert path.read_bytes() == again.read_bytes()


def test_the_first_rows_are_held_back_until_widths_are_known(tmp_path: Path) -> None:
    schema = make_schema("EXCEL", "s")
    writer = XlsxWriter(schema, tmp_path / "file.xlsx")
    progress = writer.write(frames(schema, [["a"]] * 199))
    assert (progress.rows, progress.file_bytes) == (199, 0)
    progress = writer.write(frames(schema, [["a"]]))
    assert progress.rows == 200
    assert progress.file_bytes > 0
    summary = writer.finish()
    assert summary.rows == 200
    assert summary.file_bytes == (tmp_path / "file.xlsx").stat().st_size


def test_the_most_columns_excel_has_fit(tmp_path: Path) -> None:
    row = [str(index) for index in range(16_384)]
    path = tmp_path / "file.xlsx"
    write(make_schema("EXCEL", "n" * 16_384), path, [row])
    assert _read(path) == [tuple(range(16_384))]


def test_an_abandoned_writer_is_closed(tmp_path: Path) -> None:
    schema = make_schema("EXCEL", "s")
    writer = XlsxWriter(schema, tmp_path / "file.xlsx")
    writer.close()
    writer.close()
    with pytest.raises(CoreError, match="closed"):
        writer.write(frames(schema, [["a"]]))
    with pytest.raises(CoreError, match="closed"):
        writer.finish()
