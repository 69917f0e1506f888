from pathlib import Path

import pytest

from bench.batch_file import write_batches
from bench.core_program import specification
from bench.frames import read_batches
from bench.shapes import ORDERS, SHAPES, Shape
from rowferry._core import CsvWriter, FileSummary, Schema, SpoolLog, XlsxWriter

ENCODINGS = ("records", "json_rows", "csv_rows")


def _export(folder: Path, shape: Shape, encoding: str, writer: str) -> FileSummary:
    batches = folder / encoding
    write_batches(batches, 2 * shape.batch_rows, shape.batch_rows, shape, encoding)
    schema = Schema(specification(writer, batches))
    log = SpoolLog.create(schema, None)
    for message in read_batches(batches):
        refused = log.append([(message, 0)]).refused
        assert refused is None
    log.end(0)
    file = (CsvWriter if writer == "csv" else XlsxWriter)(schema, folder / "file")
    reader = log.reader()
    while not reader.ended:
        file.write(reader.read(1 << 20))
    return file.finish()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape_has_only_cells_that_any_writer_keeps(shape: Shape, tmp_path: Path) -> None:
    summary = _export(tmp_path, shape, "records", "xlsx")
    assert summary.rows == 2 * shape.batch_rows
    assert summary.fidelity == []


def test_encodings_hold_the_same_rows(tmp_path: Path) -> None:
    files = set()
    for encoding in ENCODINGS:
        checksums = _export(tmp_path, ORDERS, encoding, "csv").checksums
        assert checksums is not None
        files.add(checksums.sha256)
    assert len(files) == 1


def test_first_rows_are_those_of_whole_batches(tmp_path: Path) -> None:
    batches = tmp_path / "batches"
    write_batches(batches, 2500, 1000, ORDERS, "records")
    assert len(list(read_batches(batches, rows=1001))) == 2
    assert len(list(read_batches(batches))) == 3
