"""Equal rows give equal files, however they come."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowferry._core import CoreError, CsvWriter, Schema, SpoolLog, XlsxWriter
from rowferry.v1.export_pb2 import RecordBatch
from tests.record_batches import Row, encode_csv, encode_rows
from tests.unit.core.exporting import make_schema

OPTIONS: list[dict[str, object]] = [
    {},
    {"compression_enabled": True},
    {"preset": "excel-eu", "injection_guard": "quote"},
    {"preset": "excel-zh", "on_bad_value": "null", "csv_null": "NULL"},
    {"on_bad_value": "fail", "on_control_character": "strip"},
]
CELLS = st.none() | st.sampled_from(
    [
        "",
        " ",
        "=1+1",
        "-5",
        "007",
        "1e5",
        "12.50",
        "2026-02-28",
        "2026-02-30",
        "NULL",
        '"',
        "a\r\nb",
    ]
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | CELLS
TABLES = st.lists(st.tuples(TEXTS, CELLS, CELLS), max_size=12)


@st.composite
def batches(draw: st.DrawFn, rows: list[Row]) -> list[bytes]:
    """Cut rows into batches, each in one of the encodings."""
    encoders = st.sampled_from([_records, _json_rows, _csv_rows])
    encoded = []
    while rows:
        taken = draw(st.integers(1, len(rows)))
        encoded.append(draw(encoders)(rows[:taken]))
        rows = rows[taken:]
    return encoded


def _records(rows: list[Row]) -> bytes:
    return encode_rows(rows, 0)


def _json_rows(rows: list[Row]) -> bytes:
    return RecordBatch(json_rows=json.dumps(rows).encode()).SerializeToString()


def _csv_rows(rows: list[Row]) -> bytes:
    """Null is empty, an empty text is quoted."""
    fields = [["" if c is None else '"' + c.replace('"', '""') + '"' for c in row] for row in rows]
    return encode_csv("".join(",".join(row) + "\r\n" for row in fields).encode(), 0)


def _spans(schema: Schema, messages: list[bytes], span_bytes: int) -> Iterator[bytes]:
    log = SpoolLog.create(schema, None)
    appended = log.append([(message, 0) for message in messages])
    assert appended.refused is None
    reader = log.reader()
    while span := reader.read(span_bytes):
        yield span


def _write(schema: Schema, path: Path, messages: list[bytes], span_bytes: int) -> object:
    """Give the file's bytes and what was said of it, or what it was refused for."""
    writer = (XlsxWriter if schema.format == "EXCEL" else CsvWriter)(schema, path)
    try:
        for span in _spans(schema, messages, span_bytes):
            writer.write(span)
        summary = writer.finish()
    except CoreError as error:
        return error.code, error.context
    return path.read_bytes(), summary.rows, summary.fidelity


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("output_format", ["CSV", "EXCEL"])
@given(data=st.data(), rows=TABLES, copies=st.sampled_from([1, 1, 1, 40]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_a_file_depends_on_its_rows_and_options_only(
    output_format: str,
    options: dict[str, object],
    tmp_path: Path,
    data: st.DataObject,
    rows: list[Row],
    copies: int,
) -> None:
    schema = make_schema(output_format, "snd", **options)
    once = _write(schema, tmp_path / "file", [_records(rows * copies)], 1 << 24)
    for span_bytes in (0, 1 << 24):
        messages = data.draw(batches(rows * copies))
        assert _write(schema, tmp_path / "file", messages, span_bytes) == once
