"""A client for programs on trio: exports, and what becomes of them.

::

    async with connect("127.0.0.1", 9090) as client:
        result = await client.export(metadata, row_batches(rows))

It uses the wire contract only: nothing of the service is imported.
"""

from rowferry.client.batches import (
    CsvSyntaxError,
    CsvText,
    Row,
    encode_csv,
    encode_rows,
    row_batches,
)
from rowferry.client.errors import ExportError, ServiceUnreachable
from rowferry.client.exports import Client, connect, tls_context

__all__ = [
    "Client",
    "CsvSyntaxError",
    "CsvText",
    "ExportError",
    "Row",
    "ServiceUnreachable",
    "connect",
    "encode_csv",
    "encode_rows",
    "row_batches",
    "tls_context",
]
