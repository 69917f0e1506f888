import csv
import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowferry._core import CoreError, CsvWriter, FileDigest
from tests.unit.core.exporting import frames, make_schema, write

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_come_back_through_pythons_reader(
    rows: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    write(make_schema("CSV", "sss"), path, rows)
    with path.open(encoding="utf-8", newline="") as file:
        header, *back = csv.reader(file, strict=True)
    assert header == ["A", "B", "C"]
    assert [tuple(row) for row in back] == rows


@pytest.mark.parametrize(
    ("preset", "encoding", "delimiter"),
    [
        ("rfc4180", "utf-8", ","),
        ("excel", "utf-8-sig", ","),
        ("excel-zh", "gb18030", ","),
        ("excel-eu", "utf-8-sig", ";"),
        ("unix", "utf-8", ","),
        ("tsv", "utf-8", "\t"),
    ],
)
def test_presets_are_read_back_in_their_encodings(
    preset: str, encoding: str, delimiter: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    rows = [["中文, 订单", 'a;b\t"c"'], ["x\r\ny", ""]]
    write(make_schema("CSV", "ss", preset=preset), path, rows)
    with path.open(encoding=encoding, newline="") as file:
        back = list(csv.reader(file, strict=True, delimiter=delimiter))
    assert back == [["A", "B"], *rows]


@pytest.mark.parametrize("encoding", ["utf-16le", "utf-16be", "shift_jis", "big5", "euc-jp"])
def test_encodings_are_pythons(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    write(make_schema("CSV", "s", csv_encoding=encoding), path, [["日本, 中"]])
    text = path.read_bytes().decode("utf-16" if encoding.startswith("utf-16") else encoding)
    assert text == 'A\r\n"日本, 中"\r\n'


def test_a_compressed_file_is_gzip(tmp_path: Path) -> None:
    path = tmp_path / "file.csv.gz"
    summary = write(make_schema("CSV", "s", compression_enabled=True), path, [["a"]] * 10_000)
    assert gzip.decompress(path.read_bytes()) == b"A\r\n" + b"a\r\n" * 10_000
    assert summary.file_bytes == path.stat().st_size < 1000


def test_the_summary_tells_size_hash_and_fidelity(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    schema = make_schema("CSV", "ss", csv_encoding="latin1", injection_guard="quote")
    summary = write(schema, path, [["a", "é"], ["=1", "中"], ["-1", "文"]])
    assert path.read_bytes() == b"A,B\r\na,\xe9\r\n'=1,?\r\n-1,?\r\n"
    assert (summary.rows, summary.file_bytes) == (3, path.stat().st_size)
    found = FileDigest(path).advance(1 << 20)
    assert summary.checksums is not None
    assert found is not None
    assert (
        summary.checksums.sha256 == found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    )
    assert summary.checksums.crc64 == found.crc64
    assert summary.fidelity == [("unmappable", 2, 2, 1), ("neutralised", 1, 2, 0)]


def test_a_refused_cell_is_named_and_the_writer_is_closed(tmp_path: Path) -> None:
    schema = make_schema("CSV", "sn", on_bad_value="fail")
    writer = CsvWriter(schema, tmp_path / "file.csv")
    with pytest.raises(CoreError) as raised:
        writer.write(frames(schema, [["a", "1"], ["b", "one"]]))
    assert raised.value.code == "INVALID_ROW"
    assert raised.value.context == {
        "row": "2",
        "column": "1",
        "expected": "a number",
        "got": "one",
    }
    with pytest.raises(CoreError, match="closed"):
        writer.finish()
    writer.close()


@pytest.mark.parametrize("span", [b"x", b"\0" * 32, b"\0" * 100])
def test_bytes_that_are_no_frames_are_refused(span: bytes, tmp_path: Path) -> None:
    writer = CsvWriter(make_schema("CSV", "s"), tmp_path / "file.csv")
    with pytest.raises(CoreError) as raised:
        writer.write(span)
    assert raised.value.code == "INTERNAL"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CoreError) as raised:
        CsvWriter(make_schema("CSV", "s"), tmp_path)
    assert raised.value.code == "WRITE_FAILED"
