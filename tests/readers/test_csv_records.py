"""csv-spectrum's cases, and our own, are the same records to every CSV reader."""

import csv
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from rowferry._core import CsvWriter, Schema, SpoolLog
from rowferry.v1 import export_pb2
from tests.readers import nasty_values, toolchains
from tests.readers.printed_lines import printed_lines
from tests.readers.toolchains import PROGRAMS, needs
from tests.unit.core.exporting import encode

pytestmark = [pytest.mark.readers, pytest.mark.timeout(600)]

Records: TypeAlias = list[list[str]]

SPECTRUM: Final = [
    "comma_in_quotes",
    "empty",
    "empty_crlf",
    "escaped_quotes",
    "json",
    "location_coordinates",
    "newlines",
    "newlines_crlf",
    "quotes_and_newlines",
    "simple",
    "simple_crlf",
    "utf8",
]

CONTRADICTORY: Final = {"location_coordinates"}
"""Another number in the table than in what it is said to be read as."""


@dataclass(frozen=True, slots=True)
class CsvReader:
    """A program that prints the records of CSV files."""

    name: str
    tool: str
    command: Callable[[], list[str]]
    keeps_cr: bool = True

    def records(self, path: Path, out: Path) -> Records:
        """Give what it reads from a file."""
        with needs(self.tool):
            command = self.command()
        subprocess.run([*command, str(out), str(path)], check=True)
        return [[str(field) for field in line] for line in printed_lines(out, path)]


def _node(script: str) -> Callable[[], list[str]]:
    def command() -> list[str]:
        toolchains.node_modules()
        return [toolchains.find("node"), str(PROGRAMS / "node" / script)]

    return command


READERS: Final = [
    CsvReader("csv-parse", "node", _node("csv_parse.js")),
    CsvReader("Papa Parse", "node", _node("papaparse.js")),
    # It makes CR LF inside quotes LF, as its documentation says.
    CsvReader("encoding/csv", "go", lambda: [str(toolchains.go_program()), "csv"], keeps_cr=False),
]

every_reader = pytest.mark.parametrize("reader", READERS, ids=[reader.name for reader in READERS])


@pytest.fixture(scope="session")
def spectrum() -> Path:
    """Give the folder of csv-spectrum."""
    with needs("npm"):
        return toolchains.node_modules() / "csv-spectrum"


def _spectrum_records(folder: Path, case: str) -> Records:
    """Give a case as csv-spectrum says it is to be read; its objects have one key a column."""
    told = json.loads((folder / "json" / f"{case}.json").read_text("utf-8"))
    objects = told if isinstance(told, list) else [told]
    return [list(objects[0]), *(list(record.values()) for record in objects)]


def _write(path: Path, records: Records, **options: object) -> Path:
    header, *rows = records
    return _write_message(path, header, encode(rows), **options)


def _write_message(path: Path, header: list[str], message: bytes, **options: object) -> Path:
    columns = [{"name": name, "data_type": "STRING"} for name in header]
    sheets = [{"name": "Sheet1", "columns": columns}]
    spec = {"format": "CSV", "sheets": sheets, "options": options}
    schema = Schema(json.dumps(spec).encode())
    log = SpoolLog.create(schema, None)
    assert log.append([(message, 0)]).refused is None
    writer = CsvWriter(schema, path)
    writer.write(log.reader().read(1 << 30))
    writer.finish()
    return path


def _python_records(path: Path) -> Records:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_all_cases_of_csv_spectrum_are_here(spectrum: Path) -> None:
    assert {path.stem for path in (spectrum / "csvs").iterdir()} == set(SPECTRUM)


@pytest.mark.parametrize("case", SPECTRUM)
def test_spectrum_comes_back_through_python(case: str, spectrum: Path, tmp_path: Path) -> None:
    records = _spectrum_records(spectrum, case)
    for preset in ["rfc4180", "unix"]:
        assert _python_records(_write(tmp_path / "file.csv", records, preset=preset)) == records


@pytest.mark.parametrize("case", sorted({*SPECTRUM} - CONTRADICTORY))
def test_spectrum_is_taken_as_csv_rows(case: str, spectrum: Path, tmp_path: Path) -> None:
    records = _spectrum_records(spectrum, case)
    content = (spectrum / "csvs" / f"{case}.csv").read_bytes().rstrip(b"\r\n") + b"\n"
    _, _, rows = content.partition(b"\n")
    message = export_pb2.RecordBatch(csv_rows=rows).SerializeToString()
    path = _write_message(tmp_path / "file.csv", records[0], message)
    assert _python_records(path) == records


@every_reader
def test_spectrum_comes_back_through_every_reader(
    reader: CsvReader, spectrum: Path, tmp_path: Path
) -> None:
    for case in SPECTRUM:
        records = _spectrum_records(spectrum, case)
        path = _write(tmp_path / f"{case}.csv", records)
        assert reader.records(path, tmp_path) == _as_read(reader, records), case


@every_reader
def test_nasty_texts_come_back_through_every_reader(reader: CsvReader, tmp_path: Path) -> None:
    records = [["a", "b"], *([value, f"{value}{value}"] for value in nasty_values.TEXTS)]
    path = _write(tmp_path / "texts.csv", records)
    assert reader.records(path, tmp_path) == _as_read(reader, records)


def _as_read(reader: CsvReader, records: Sequence[list[str]]) -> Records:
    if reader.keeps_cr:
        return list(records)
    return [[field.replace("\r\n", "\n") for field in record] for record in records]
