"""What every format's writer does, and what the registry of formats does with them."""

import csv
import hashlib
import io
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from rowferry._core import Crc64
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.naming import make_task_id
from rowferry.domain.spec import Column, DataType, ExportSpec, Format, FormatOptions, Sheet
from rowferry.free_space import FreeSpace
from rowferry.ports import FileChecksums, FileSummary, RowWriters, Written
from rowferry.spool.memory import MemorySpool
from rowferry.writers.registry import WriterRegistry, core_formats
from rowferry.writers.sparing import SparingWriters
from tests.record_batches import Row, encode_rows

HEADER = ["id", "name"]
TASK = make_task_id(1, b"0123456789")
ROWS: list[Row] = [("1", "Ada"), ("2", 'say "hi", then go'), ("3", None), ("4", "数据\n行")]


def _spec(file_format: Format, **options: object) -> ExportSpec:
    columns = (Column(name="id", data_type=DataType.NUMBER), Column(name="name"))
    return ExportSpec(
        request_id="r",
        format=file_format,
        filename="orders",
        sheets=(Sheet(name="Sheet1", columns=columns),),
        options=FormatOptions(**options),  # type: ignore[arg-type]  # texts and numbers that fit
    )


@pytest.fixture(params=["formats", "sparing formats"])
def writers(request: pytest.FixtureRequest, tmp_path: Path) -> RowWriters:
    formats = WriterRegistry(core_formats(encoder_threads=1))
    plenty = FreeSpace(tmp_path, 1, free_bytes=lambda _: 1e12)
    return formats if request.param == "formats" else SparingWriters(formats, plenty)


@pytest.fixture(params=[Format.CSV, Format.EXCEL])
def spec(request: pytest.FixtureRequest) -> ExportSpec:
    return _spec(request.param)


def _frames(spec: ExportSpec, rows: Sequence[Row]) -> bytes:
    """Give rows as a log's source gives them."""
    log = MemorySpool().create(TASK, spec)
    log.append([(encode_rows(rows, 1), 0)])
    return log.reader().read(1 << 24)


def _write(
    writers: RowWriters, spec: ExportSpec, path: Path, *spans: Sequence[Row]
) -> FileSummary:
    writer = writers.open(spec, str(path))
    for rows in spans:
        writer.write(_frames(spec, rows))
    summary = writer.finish()
    writer.close()
    return summary


def _cells(spec: ExportSpec, path: Path) -> list[list[str]]:
    """Read a file back with a reader nobody here wrote."""
    if spec.format is Format.CSV:
        return list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    return [[_text(cell) for cell in row] for row in sheet.to_python()]


def _checksums(content: bytes) -> FileChecksums:
    crc64 = Crc64()
    crc64.update(content)
    return FileChecksums(sha256=hashlib.sha256(content).hexdigest(), crc64=crc64.value)


def _text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) else str(cell)


def test_file_holds_header_and_rows(writers: RowWriters, spec: ExportSpec, tmp_path: Path) -> None:
    summary = _write(writers, spec, tmp_path / "file", ROWS)
    expected = [HEADER, *[[cell or "" for cell in row] for row in ROWS]]
    assert _cells(spec, tmp_path / "file") == expected
    assert summary.rows == 4


def test_summary_describes_the_file(writers: RowWriters, spec: ExportSpec, tmp_path: Path) -> None:
    summary = _write(writers, spec, tmp_path / "file", ROWS)
    content = (tmp_path / "file").read_bytes()
    assert summary.file_bytes == len(content)
    assert summary.checksums in {None, _checksums(content)}
    assert summary.fidelity == ()


def test_csv_is_summed_up_while_it_is_written(writers: RowWriters, tmp_path: Path) -> None:
    summary = _write(writers, _spec(Format.CSV), tmp_path / "file", ROWS)
    assert summary.checksums == _checksums((tmp_path / "file").read_bytes())


def test_finished_file_is_summed_up_in_steps_wherever_it_goes(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    _write(writers, spec, path, ROWS * 50_000)
    content = path.read_bytes()
    digest = writers.open_digest(str(path))
    path.unlink()
    assert digest.advance(1) is None
    assert digest.advance(len(content) * 2) == _checksums(content)


def test_file_that_is_gone_can_not_be_summed_up(writers: RowWriters, tmp_path: Path) -> None:
    with pytest.raises(RowferryError) as caught:
        writers.open_digest(str(tmp_path / "nowhere"))
    assert caught.value.code is ErrorCode.WRITE_FAILED


def test_equal_rows_give_equal_bytes_in_any_spans(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    once = _write(writers, spec, tmp_path / "once", ROWS)
    twice = _write(writers, spec, tmp_path / "twice", ROWS[:1], ROWS[1:])
    assert once == twice
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


def test_file_without_rows_has_its_header(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    summary = _write(writers, spec, tmp_path / "file")
    assert _cells(spec, tmp_path / "file") == [HEADER]
    assert summary.rows == 0


def test_write_tells_of_all_rows_so_far(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    writer = writers.open(spec, str(tmp_path / "file"))
    assert writer.write(_frames(spec, ROWS[:1])).rows == 1
    assert writer.write(_frames(spec, ROWS[1:])).rows == 4
    writer.close()


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        (Format.CSV, {}),
        (Format.CSV, {"compression_enabled": True}),
        (Format.CSV, {"csv_encoding": "iso-2022-jp", "compression_enabled": True}),
        (Format.EXCEL, {}),
        (Format.EXCEL, {"compression_enabled": True}),
        (Format.EXCEL, {"excel_start_row": 1_048_300}),  # a sheet is full after 276 rows
    ],
    ids=str,
)
@given(spans=st.lists(st.sampled_from([1, 150, 400, 900]), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
def test_what_is_told_to_be_in_the_file_is_and_stays_but_for_what_is_pending(
    writers: RowWriters,
    tmp_path: Path,
    file_format: Format,
    options: dict[str, object],
    spans: list[int],
) -> None:
    spec, path = _spec(file_format, **options), tmp_path / "file"
    numbers = count()
    writer = writers.open(spec, str(path))
    seen: list[tuple[Written, bytes]] = []
    for rows in spans:
        written = writer.write(_frames(spec, [_wide_row(next(numbers)) for _ in range(rows)]))
        seen.append((written, path.read_bytes()))
    finished_bytes = writer.finish().file_bytes
    content = path.read_bytes()
    assert finished_bytes == len(content)
    for written, bytes_then in seen:
        start, end = written.pending or (0, 0)
        assert start <= end <= written.file_bytes <= len(bytes_then)
        assert bytes_then[:start] == content[:start]
        assert bytes_then[end : written.file_bytes] == content[end : written.file_bytes]


def _wide_row(number: int) -> Row:
    """Give a row of 600 characters, which no compressor makes much smaller than half."""
    texts = (hashlib.sha256(b"%d %d" % (number, part)).hexdigest() for part in range(9))
    return (str(number), "".join(texts))


def test_left_over_file_of_a_lost_writer_is_written_anew(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    lost = writers.open(spec, str(tmp_path / "file"))
    lost.write(_frames(spec, ROWS * 1000))
    lost.close()
    _write(writers, spec, tmp_path / "file", ROWS)
    assert len(_cells(spec, tmp_path / "file")) == 5


def test_writer_is_closed_twice_and_before_its_end_without_complaint(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    writer = writers.open(spec, str(tmp_path / "file"))
    writer.close()
    writer.close()
    with pytest.raises(RowferryError) as caught:
        writer.write(_frames(spec, ROWS))
    assert caught.value.code is ErrorCode.INTERNAL
    with pytest.raises(RowferryError):
        writer.finish()


def test_folder_that_is_not_there_is_a_write_failure(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    with pytest.raises(RowferryError) as caught:
        writers.open(spec, str(tmp_path / "nowhere" / "file"))
    assert caught.value.code is ErrorCode.WRITE_FAILED


def test_cells_that_are_not_exactly_what_came_are_counted(
    writers: RowWriters, tmp_path: Path
) -> None:
    spec = _spec(Format.EXCEL)
    rows: list[Row] = [("1", "a"), ("007", "b"), ("1e400", "c")]
    (issue,) = _write(writers, spec, tmp_path / "file", rows).fidelity
    assert (issue.kind, issue.cells) == ("kept_as_text", 2)
    assert (issue.first_row, issue.first_column) == (2, 0)


def test_value_that_may_not_be_mended_fails_the_file(
    writers: RowWriters, spec: ExportSpec, tmp_path: Path
) -> None:
    strict = _spec(spec.format, on_bad_value="fail")
    with pytest.raises(RowferryError) as caught:
        _write(writers, strict, tmp_path / "file", [("1", "a"), ("many", "b")])
    assert caught.value.code is ErrorCode.INVALID_ROW
    assert (caught.value.context["row"], caught.value.context["column"]) == ("2", "0")


@pytest.mark.parametrize(
    ("file_format", "options", "extension", "content_type"),
    [
        (Format.CSV, {}, ".csv", "text/csv; charset=utf-8"),
        (Format.CSV, {"compression_enabled": True}, ".csv.gz", "application/gzip"),
        (
            Format.EXCEL,
            {},
            ".xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ],
)
def test_extension_and_media_type_tell_what_the_file_is(
    writers: RowWriters,
    file_format: Format,
    options: dict[str, object],
    extension: str,
    content_type: str,
) -> None:
    spec = _spec(file_format, **options)
    assert writers.extension(spec) == extension
    assert writers.content_type(spec) == content_type


@pytest.mark.parametrize(
    "options",
    [
        {"csv_delimiter": ";;"},
        {"csv_encoding": "klingon"},
        {"preset": "lotus"},
        {"injection_guard": "maybe"},
        {"on_bad_value": "shout"},
        {"timezone": "Middle/Earth"},
    ],
)
def test_options_no_writer_knows_are_refused_by_name(
    writers: RowWriters, options: dict[str, str]
) -> None:
    with pytest.raises(RowferryError) as caught:
        writers.check(_spec(Format.CSV, **options))
    assert caught.value.code is ErrorCode.INVALID_METADATA
    (name,) = options
    assert caught.value.context["field"] == f"options.{name}"


def test_format_without_a_writer_is_refused_with_those_there_are() -> None:
    csv_only = WriterRegistry({Format.CSV: core_formats(encoder_threads=1)[Format.CSV]})
    spec = _spec(Format.EXCEL)
    with pytest.raises(RowferryError) as caught:
        csv_only.check(spec)
    assert caught.value.code is ErrorCode.INVALID_METADATA
    assert caught.value.context == {"field": "format", "expected": "CSV", "got": "EXCEL"}


def test_format_can_be_registered(tmp_path: Path) -> None:
    writers = WriterRegistry({})
    writers.register(Format.CSV, core_formats(encoder_threads=1)[Format.CSV])
    assert _write(writers, _spec(Format.CSV), tmp_path / "file", ROWS).rows == 4


def test_disk_that_runs_low_stops_the_writer_before_it_is_full(
    spec: ExportSpec, tmp_path: Path
) -> None:
    free_bytes = [1e9]
    seconds = count(step=10)
    space = FreeSpace(tmp_path, 10**8, free_bytes=lambda _: free_bytes[0], now=seconds.__next__)
    writers = SparingWriters(WriterRegistry(core_formats(encoder_threads=1)), space)
    writer = writers.open(spec, str(tmp_path / "file"))
    writer.write(_frames(spec, ROWS))
    free_bytes[0] = 1e7
    with pytest.raises(RowferryError) as caught:
        writer.write(_frames(spec, ROWS))
    writer.close()
    assert caught.value.code is ErrorCode.DISK_FULL
    with pytest.raises(RowferryError) as caught:
        writers.open(spec, str(tmp_path / "another"))
    assert caught.value.code is ErrorCode.DISK_FULL
    assert not (tmp_path / "another").exists()
