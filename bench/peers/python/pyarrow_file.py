"""pyarrow: record batches of texts to its CSV writer, which ends lines with LF."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow.csv import CSVWriter

from bench.frames import Columns
from bench.peers.python.library import Decoded, Library
from bench.peers.python.rows import text_columns


def _record_batch(message: bytes, columns: Columns) -> Decoded:
    texts, count = text_columns(message, columns)
    arrays = [pa.array(column, pa.string()) for column in texts]
    return pa.record_batch(arrays, schema=_schema(columns)), count


def _schema(columns: Columns) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name, _ in columns])


def _write(path: Path, columns: Columns, batches: Iterable[pa.RecordBatch]) -> None:
    with CSVWriter(path, _schema(columns)) as writer:
        for batch in batches:
            writer.write_batch(batch)


LIBRARY: Final = Library(decode=_record_batch, write=_write, messages_at_once=50)
