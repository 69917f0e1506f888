"""Whole exports through the compiled core, with batches encoded by Google's protobuf."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from rowferry._core import CsvWriter, FileSummary, Schema, SpoolLog, XlsxWriter
from rowferry.v1 import export_pb2

Row: TypeAlias = Sequence[str | None]
"""Cells in column order; None is null."""

DATA_TYPES = {"s": "STRING", "n": "NUMBER", "d": "DATE", "b": "BOOLEAN"}


def make_schema(output_format: str, types: str, **options: object) -> Schema:
    """Specify one column a letter of ``types`` (s, n, d, b), named A, B, ..."""
    columns = [
        {"name": chr(ord("A") + index), "data_type": DATA_TYPES[letter]}
        for index, letter in enumerate(types)
    ]
    sheets = [{"name": "Sheet1", "columns": columns}]
    spec = {"format": output_format, "sheets": sheets, "options": options}
    return Schema(json.dumps(spec).encode())


def encode(rows: Sequence[Row], sequence: int = 0) -> bytes:
    """Encode a batch of records."""
    records = [
        export_pb2.Record(values=[cell or "" for cell in row], null_bitmap=_null_bitmap(row))
        for row in rows
    ]
    batch = export_pb2.RecordBatch(records=records, batch_sequence=sequence)
    return batch.SerializeToString()


def _null_bitmap(row: Row) -> bytes:
    bits = sum(1 << column for column, cell in enumerate(row) if cell is None)
    return bits.to_bytes((len(row) + 7) // 8, "little") if bits else b""


def frames(schema: Schema, rows: Sequence[Row]) -> bytes:
    """Give the frames of a log with one batch of ``rows``."""
    log = SpoolLog.create(schema, None)
    appended = log.append([(encode(rows), 0)])
    if appended.refused is not None:
        raise appended.refused
    return log.reader().read(1 << 30)


def write(schema: Schema, path: Path, rows: Sequence[Row]) -> FileSummary:
    """Write a whole file of ``rows``."""
    writer = (XlsxWriter if schema.format == "EXCEL" else CsvWriter)(schema, path)
    writer.write(frames(schema, rows))
    return writer.finish()
