"""CSV and NDJSON files are cut into batches of their rows, whatever they are written in."""

import csv
import io
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.cli.outcome import CommandError, ExitCode
from rowferry.cli.sources import InputForm, InputOptions, open_input
from rowferry.cli.sources.row_lines import place_of_row
from rowferry.cli.sources.text_source import TextSource
from rowferry.cli.sources.transcoding import Transcoder
from rowferry.client import InvalidRowError
from rowferry.v1.export_pb2 import RecordBatch

CSV = InputOptions(form=InputForm.CSV)
NDJSON = InputOptions(form=InputForm.NDJSON)
FIELDS = st.text(st.sampled_from('ab,;"\r\n\t é訂'), max_size=6)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(FIELDS, min_size=width, max_size=width), max_size=20)
)


def read(path: Path, content: bytes, options: InputOptions) -> tuple[list[str], list[RecordBatch]]:
    path.write_bytes(content)
    with open_input(str(path)) as file:
        source = TextSource(file, options)
        groups = source.groups(max_message_bytes=2**20)
        batches = [RecordBatch.FromString(batch.encoded) for group in groups for batch in group]
        assert file.bytes_read == len(content)
    return [column.name for column in source.columns], batches


def rows_of(batches: list[RecordBatch]) -> bytes:
    return b"".join(batch.csv_rows for batch in batches)


@given(
    TABLES,
    st.sampled_from([";", "\t", "|"]),
    st.sampled_from(["utf-8", "gb18030", "utf-16"]),
    st.lists(st.integers(1, 9)),
)
def test_another_delimiter_and_encoding_change_no_field(
    table: list[list[str]], delimiter: str, encoding: str, sizes: list[int]
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(table)
    data = written.getvalue().encode(encoding)
    transcoder = Transcoder(encoding, delimiter)
    ends = [*itertools.accumulate(sizes, initial=0), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(ends) if data[start:end]]
    text = b"".join(map(transcoder.feed, [*pieces, b""])).decode()
    read_back = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert read_back == list(
        csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=delimiter, strict=True)
    )


def test_a_null_stays_apart_from_an_empty_text(tmp_path: Path) -> None:
    options = InputOptions(form=InputForm.CSV, delimiter=";")
    names, batches = read(tmp_path / "a.csv", b'a;b\n;""\n1,5;"x;y"\n', options)
    assert names == ["a", "b"]
    assert rows_of(batches) == b',""\n"1,5","x;y"\n'


def test_a_header_names_the_columns(tmp_path: Path) -> None:
    names, batches = read(tmp_path / "a.csv", b'\xef\xbb\xbf"a ""b""",\xe5\x90\x8d\r\n1,2', CSV)
    assert names == ['a "b"', "名"]
    assert rows_of(batches).rstrip() == b"1,2"


def test_columns_name_what_has_no_header(tmp_path: Path) -> None:
    options = InputOptions(form=InputForm.CSV, has_header=False, columns=("x", "y"))
    names, batches = read(tmp_path / "a.csv", b"1,2\n3,4\n", options)
    assert names == ["x", "y"]
    assert rows_of(batches) == b"1,2\n3,4\n"


def test_the_first_object_names_and_types_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    content = b'\n{"n":1.5,"t":"x","b":true,"z":null}\n{"n":2}\n'
    path.write_bytes(content)
    with open_input(str(path)) as file:
        columns = TextSource(file, NDJSON).columns
    assert [(column.name, column.type) for column in columns] == [
        ("n", "number"),
        ("t", "string"),
        ("b", "boolean"),
        ("z", "string"),
    ]
    _, (batch,) = read(path, content, NDJSON)
    assert batch.json_rows == b'[{"n":1.5,"t":"x","b":true,"z":null},\n{"n":2}]'


def test_arrays_need_names(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--columns"):
        read(tmp_path / "a.ndjson", b"[1,2]\n", NDJSON)
    options = InputOptions(form=InputForm.NDJSON, columns=("a", "b"))
    names, (batch,) = read(tmp_path / "a.ndjson", b"[1,2]\n", options)
    assert (names, batch.json_rows) == (["a", "b"], b"[[1,2]]")


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (b"", CSV, "empty"),
        (b'"a\n', CSV, "header"),
        (b"\n\n", NDJSON, "empty"),
        (b'{"a":,}\n', NDJSON, "column 6"),
        (b"[]\n", NDJSON, "--columns"),
        (b"1,2\n", InputOptions(form=InputForm.CSV, has_header=False), "--columns"),
    ],
)
def test_an_input_that_names_no_columns_is_wrong_usage(
    tmp_path: Path, content: bytes, options: InputOptions, told: str
) -> None:
    with pytest.raises(CommandError, match=told) as refused:
        read(tmp_path / "a", content, options)
    assert refused.value.exit_code == ExitCode.USAGE


def test_bytes_that_are_no_text_are_told_by_line_and_column(tmp_path: Path) -> None:
    options = InputOptions(form=InputForm.CSV, encoding="gb18030")
    with pytest.raises(InvalidRowError, match="Line 3, column 3") as refused:
        read(tmp_path / "a.csv", "名,值\n甲,1\n".encode("gb18030") + b"ab\xff\xff\n", options)
    assert refused.value.context["line"] == "3"


@given(st.text(st.sampled_from('a;"\n'), min_size=1, max_size=30))
def test_records_that_are_whole_end_at_a_break_outside_quotes(text: str) -> None:
    """As looking from the first character finds it."""
    breaks = [end for end in range(1, len(text) + 1) if text[end - 1] == "\n"]
    whole = [text[:end] for end in breaks if text.count('"', 0, end) % 2 == 0]
    expected = Transcoder("utf-8", ";").feed(whole[-1].encode()) if whole else b""
    assert Transcoder("utf-8", ";").feed(text.encode()) == expected


def test_a_quote_that_never_closes_fills_no_memory() -> None:
    transcoder = Transcoder("utf-8", ";")
    pieces = itertools.chain([b'"'], itertools.repeat(b"some;words\n" * 10_000, 1000))
    with pytest.raises(InvalidRowError, match="a quote may be open"):
        list(map(transcoder.feed, pieces))


def test_a_file_that_shrinks_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 500_000)
    with open_input(str(path)) as file:
        groups = TextSource(file, CSV).groups(max_message_bytes=2**20)
        next(groups)
        path.write_bytes(b"a,b\n")
        with pytest.raises(InvalidRowError, match="cut short while it was read"):
            list(groups)


def test_a_file_that_grows_is_read_to_its_new_end(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a\n" + b"1\n" * 500_000)
    with open_input(str(path)) as file, path.open("ab") as more:
        groups = TextSource(file, CSV).groups(max_message_bytes=2**20)
        first = next(groups)
        more.write(b"2\n")
        more.flush()
        encoded = [batch.encoded for group in (first, *groups) for batch in group]
    assert rows_of([RecordBatch.FromString(batch) for batch in encoded]).endswith(b"1\n2\n")


def test_utf_16_is_told_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n", encoding="utf-16")
    with (
        open_input(str(tmp_path / "rows.csv")) as file,
        pytest.raises(CommandError, match="--encoding utf-16"),
    ):
        TextSource(file, CSV)


def test_the_line_of_a_row_of_a_file_that_is_gone_is_not_told(tmp_path: Path) -> None:
    assert place_of_row(tmp_path / "gone.csv", CSV, 1) == {}


def test_an_open_quote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRowError) as refused:
        read(tmp_path / "a.csv", b'a\nx\n"y\n', CSV)
    assert refused.value.context["row"] == "2"


PLACES: list[tuple[bytes, InputOptions, int, dict[str, str]]] = [
    (b'a,b\n"x\ny",2\n\n3,4\n', CSV, 2, {"line": "5"}),
    (b"a\n\n3\n", CSV, 2, {"line": "3"}),
    (b"1,2\n3,4\n", InputOptions(form=InputForm.CSV, has_header=False), 1, {"line": "1"}),
    (b"a,b\n1,2\n", CSV, 9, {}),
    (b'{"a":1}\n\n{"a":,}\n', NDJSON, 2, {"line": "3", "character": "6"}),
    (b'{"a":1}\n', NDJSON, 2, {}),
    (b"PAR1", InputOptions(form=InputForm.PARQUET), 1, {}),
]


@pytest.mark.parametrize(("content", "options", "row", "place"), PLACES)
def test_a_row_has_a_line(
    tmp_path: Path, content: bytes, options: InputOptions, row: int, place: dict[str, Any]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert place_of_row(path, options, row) == place
