"""Parquet: row groups are read one after the other, columns are those of its schema."""

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from rowferry.cli.outcome import usage_error
from rowferry.cli.sources.form import InputOptions
from rowferry.cli.sources.input_file import InputFile
from rowferry.client import Column, InvalidRequestError, InvalidRowError
from rowferry.client.arrow_table import SLICE_ROWS, ArrowTable, shown_fields
from rowferry.client.packing import PackedRows


class ParquetSource:
    """The rows of a Parquet file."""

    def __init__(self, file: InputFile, options: InputOptions, *, with_offsets: bool) -> None:
        """Read the schema; raise CommandError for what is no Parquet file."""
        if not file.file.seekable():
            raise usage_error("Parquet is read from its end: name the file, a pipe is no use.")
        try:
            parquet = pq.ParquetFile(file.file)
            schema = _chosen(parquet.schema_arrow, options.columns)
            left_out = len(schema) < len(parquet.schema_arrow)
            batches = parquet.iter_batches(
                batch_size=SLICE_ROWS, columns=schema.names if left_out else None
            )
            reader = pa.RecordBatchReader.from_batches(schema, batches)
            self._table = ArrowTable(reader, with_offsets=with_offsets)
        except (pa.ArrowException, OSError) as exc:
            raise usage_error(f"{file.name}: {exc}") from exc
        except InvalidRequestError as exc:
            raise usage_error(exc.message) from exc
        self.columns: Final[Sequence[Column]] = self._table.columns
        self.expected_rows: Final = parquet.metadata.num_rows

    def groups(self, *, max_message_bytes: int) -> Iterator[Sequence[PackedRows]]:
        """Read on and give batches; raise InvalidRowError for values and pages of no use."""
        try:
            yield from self._table.batches(max_message_bytes=max_message_bytes)
        except (pa.ArrowException, OSError) as exc:
            reason = str(exc).partition(". Detail: Python exception")[0].strip()  # and a traceback
            raise InvalidRowError("INVALID_ROW", f"The file can't be read on: {reason}") from exc


def _chosen(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """Give the columns of these names, as the reader will: in the file's order."""
    missing = [name for name in names if name not in schema.names]
    if missing:
        raise usage_error(f"The file has no column {missing[0]!r}.")
    if not names:
        return pa.schema([field for _, field in shown_fields(schema)])
    return pa.schema([field for field in schema if field.name in names])
