"""docs/fidelity.md tells the truth: each row of its tables is written and read back."""

import codecs
import datetime as dt
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl  # type: ignore[import-untyped]
import pytest

from rowferry._core import CoreError, Schema
from rowferry.v1 import export_pb2
from tests.docs.fidelity_page import (
    Outcome,
    ValueCase,
    code,
    column_of,
    options_of,
    tables,
    unescaped,
    value_cases,
)
from tests.unit.core.exporting import write

CASES = value_cases()
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _schema(file_format: str, columns: list[tuple[str, str]], options: dict[str, Any]) -> Schema:
    named = [
        {"name": chr(ord("A") + index), "data_type": data_type, "format": display_format}
        for index, (data_type, display_format) in enumerate(columns)
    ]
    sheets = [{"name": options.pop("excel_sheet_name", "Sheet1"), "columns": named}]
    spec = {"format": file_format, "sheets": sheets, "options": options}
    return Schema(json.dumps(spec).encode())


def _write(case: ValueCase, file_format: str, path: Path) -> tuple[Schema, str]:
    """Write a file of the value and a neighbour; give the kind that was counted."""
    columns = [(case.data_type, case.display_format), ("STRING", "")]
    schema = _schema(file_format, columns, dict(case.options))
    issues = write(schema, path, [[case.value, "x"]]).fidelity
    assert [issue[1:] for issue in issues] in ([], [(1, 1, 0)])
    return schema, issues[0][0] if issues else ""


def _id(case: ValueCase) -> str:
    options = ",".join(f"{name}={value}" for name, value in case.options.items())
    value = "null" if case.value is None else ascii(case.value[:40])
    return f"{case.data_type} {case.display_format} {options} {value}"


def test_there_are_tables_to_check() -> None:
    assert len(CASES) > 100
    assert {case.data_type for case in CASES} == {"STRING", "NUMBER", "DATE", "BOOLEAN"}


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_csv_holds_what_the_page_says(case: ValueCase, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    if case.csv.word == "refused":
        with pytest.raises(CoreError) as caught:
            _write(case, "CSV", path)
        assert caught.value.code == "INVALID_ROW"
        return
    schema, issue = _write(case, "CSV", path)
    charset = schema.content_type.partition("charset=")[2]
    text = path.read_bytes().decode("utf-16" if charset.startswith("utf-16") else charset)
    line_end = "\n" if case.options.get("preset") == "unix" else "\r\n"
    header, _, rows = text.removeprefix("\ufeff").partition(line_end)
    end = f"{header[1]}x{line_end}"
    assert rows.endswith(end)
    assert rows.removesuffix(end) == "".join(case.csv.texts)
    assert issue == case.csv.issue


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_xlsx_holds_what_the_page_says(case: ValueCase, tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    if case.xlsx.word == "refused":
        with pytest.raises(CoreError) as caught:
            _write(case, "EXCEL", path)
        assert caught.value.code == "INVALID_ROW"
        return
    _, issue = _write(case, "EXCEL", path)
    assert issue == case.xlsx.issue
    _check_cell(case.xlsx, path)


def _check_cell(expected: Outcome, path: Path) -> None:
    cell = openpyxl.load_workbook(path)["Sheet1"]["A2"]
    if len(expected.texts) > 1:
        assert cell.number_format == expected.texts[1]
    match expected.word:
        case "no cell":
            assert _text_of_a2(path) is None
            assert cell.value is None
        case "empty text":
            assert (cell.data_type, _text_of_a2(path)) == ("s", "")
        case "text":
            assert (cell.data_type, _text_of_a2(path)) == ("s", expected.texts[0])
        case "number":
            assert (cell.data_type, cell.value) == ("n", float(expected.texts[0]))
        case "boolean":
            assert (cell.data_type, str(cell.value).upper()) == ("b", expected.texts[0])
        case "date":
            assert cell.is_date
            assert _moment(cell.value, path) == dt.datetime.fromisoformat(expected.texts[0])
        case word:
            pytest.fail(f"the page says {word!r}")


def _moment(as_read: dt.datetime, path: Path) -> dt.datetime:
    """Give what openpyxl read, or what it rounds off: it keeps milliseconds."""
    serial = float(_text_of_a2(path) or 0)
    exact = dt.datetime(1899, 12, 30) + dt.timedelta(days=serial)  # noqa: DTZ001 - no zone
    has_microseconds = abs(exact - as_read) > dt.timedelta(microseconds=5)
    return exact if has_microseconds else as_read


def _text_of_a2(path: Path) -> str | None:
    """Give the text of the cell or of its value, escapes undone (ECMA-376 Part 1 §22.9.2.19)."""
    with zipfile.ZipFile(path) as package:
        sheet = ET.fromstring(package.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our file
        cell = sheet.find(f".//{MAIN}c[@r='A2']")
        if cell is None:
            return None
        if cell.get("t") == "s":
            strings = ET.fromstring(package.read("xl/sharedStrings.xml"))  # noqa: S314
            cell = strings[int(cell.findtext(f"{MAIN}v", ""))]
    text = "".join(cell.itertext())
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda unit: chr(int(unit[1], 16)), text)


@pytest.mark.parametrize(("options", "file"), tables("options", "file"))
def test_preset_writes_the_bytes_the_page_shows(options: str, file: str, tmp_path: Path) -> None:
    schema = _schema("CSV", [("NUMBER", ""), ("STRING", "")], dict(options_of(options)))
    write(schema, tmp_path / "file", [["1.5", "中;x"], [None, ""]])
    expected, _ = codecs.escape_decode(code(file))
    assert (tmp_path / "file").read_bytes() == expected


@pytest.mark.parametrize(("name", "verdict"), tables("name", "is"))
def test_sheet_name_is_taken_or_refused(name: str, verdict: str) -> None:
    _check_verdict(verdict, [("STRING", "")], {"excel_sheet_name": code(name)})


@pytest.mark.parametrize(("column", "verdict"), tables("column", "is"))
def test_display_format_is_taken_or_refused(column: str, verdict: str) -> None:
    _check_verdict(verdict, [column_of(column)], {})


def _check_verdict(verdict: str, columns: list[tuple[str, str]], options: dict[str, Any]) -> None:
    if verdict == "taken":
        _schema("EXCEL", columns, options)
        return
    assert verdict.startswith("refused")
    field = f"options.{next(iter(options))}" if options else "columns[0].format"
    _assert_refused(field, columns, options)


def _assert_refused(field: str, columns: list[tuple[str, str]], options: dict[str, Any]) -> None:
    with pytest.raises(CoreError) as caught:
        _schema("EXCEL", columns, options)
    assert (caught.value.code, caught.value.context["field"]) == ("INVALID_METADATA", field)


OPTIONS = tables("option", "takes", "refused, for example")


def test_page_has_a_row_for_every_option_and_no_other() -> None:
    rows = [code(option) for option, _, _ in OPTIONS]
    assert rows == [field.name for field in export_pb2.FormatOptions.DESCRIPTOR.fields]


@pytest.mark.parametrize(("option", "takes", "refused"), OPTIONS)
def test_option_takes_its_words_and_refuses_others(option: str, takes: str, refused: str) -> None:
    name = code(option)
    for word in re.findall(r"`([^`]+)`", takes.partition(":")[2] or takes):
        if name not in {"csv_encoding", "compression_enabled"} or word == "utf-8-bom":
            _schema("CSV", [("STRING", "")], {name: word})
    if refused:
        value = code(refused)
        options = {name: int(value) if value.isdigit() else unescaped(value)}
        _assert_refused(f"options.{name}", [("STRING", "")], options)


def test_page_explains_every_kind_of_the_report() -> None:
    kinds = {code(kind) for kind, _, _ in tables("kind", "format", "what happened to the cell")}
    counted = {
        outcome.issue for case in CASES for outcome in (case.csv, case.xlsx) if outcome.issue
    }
    assert kinds == counted
