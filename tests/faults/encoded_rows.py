"""Rows of the data set as the messages that a client sends: made once, sent in many rounds."""

import functools
from dataclasses import dataclass
from typing import Final

from bench.dataset import COLUMNS, rows
from rowferry.v1 import export_pb2 as pb
from tests.record_batches import row_batches

BATCH_ROWS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRows:
    """An export's batches, numbered from 1, each an encoded ``ExportRequest``."""

    row_count: int
    batch_rows: int
    requests: tuple[bytes, ...]

    @property
    def payload_bytes(self) -> int:
        """The size of all messages."""
        return sum(map(len, self.requests))

    def rows_until(self, sequence: int) -> int:
        """Give the rows in the batches up to this one."""
        return min(sequence * self.batch_rows, self.row_count)


@functools.cache
def encoded_rows(row_count: int, batch_rows: int = BATCH_ROWS) -> EncodedRows:
    """Encode the data set's first rows."""
    batches = row_batches(rows(row_count), batch_rows=batch_rows)
    requests = tuple(
        pb.ExportRequest(batch=pb.RecordBatch.FromString(batch)).SerializeToString()
        for batch in batches
    )
    return EncodedRows(row_count=row_count, batch_rows=batch_rows, requests=requests)


def export_metadata(request_id: str, file_format: pb.Format) -> pb.ExportRequest:
    """Build the request for a file of the data set's columns."""
    columns = [pb.ColumnDefinition(name=name, data_type=kind) for name, kind in COLUMNS]
    metadata = pb.ExportMetadata(
        request_id=request_id,
        format=file_format,
        filename="orders",
        columns=columns,
    )
    return pb.ExportRequest(metadata=metadata)
