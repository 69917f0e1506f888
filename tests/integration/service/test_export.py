"""A stream becomes a file behind a link."""

import csv
import hashlib
import io
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from python_calamine import CalamineWorkbook

from rowferry.client.batches import Row, row_batches
from rowferry.client.exports import Client
from rowferry.v1 import export_pb2 as pb

ROWS = 25_000


def _rows() -> Iterator[Row]:
    return ((str(n), f"name {n}" if n % 3 else None) for n in range(ROWS))


async def _download(url: str) -> tuple[bytes, str]:
    def fetch() -> tuple[bytes, str]:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  our own service's
            return answer.read(), answer.headers["Content-Disposition"]

    return await trio.to_thread.run_sync(fetch, limiter=trio.CapacityLimiter(1))


@pytest.mark.parametrize("file_format", [pb.CSV, pb.EXCEL])
async def test_rows_that_came_are_the_rows_of_the_file(
    client: Client, metadata: pb.ExportMetadata, file_format: "pb.Format.ValueType"
) -> None:
    metadata.format = file_format
    metadata.filename = "Bestellungen für März"
    acks: list[pb.BatchAck] = []
    result = await client.export(metadata, row_batches(_rows()), on_ack=acks.append)
    assert (result.status, result.record_count) == (pb.COMPLETED, ROWS)
    assert (acks[-1].batch_sequence, acks[-1].rows) == (25, ROWS)
    content, disposition = await _download(result.oss_url)
    assert hashlib.sha256(content).hexdigest() == result.checksum_sha256
    assert len(content) == result.file_size_bytes
    assert "filename*=UTF-8''Bestellungen%20f%C3%BCr%20M%C3%A4rz" in disposition
    expected = [["id", "name"], *[[row[0], row[1] or ""] for row in _rows()]]
    assert _cells(content, file_format) == expected


def _cells(content: bytes, file_format: "pb.Format.ValueType") -> list[list[str]]:
    if file_format == pb.CSV:
        return list(csv.reader(io.StringIO(content.decode(), newline="")))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    rows = sheet.to_python()
    return [
        [str(int(cell)) if isinstance(cell, float) else str(cell) for cell in row] for row in rows
    ]


async def test_nothing_but_the_file_stays(
    client: Client, metadata: pb.ExportMetadata, data_directory: Path
) -> None:
    result = await client.export(metadata, row_batches(_rows()))
    assert list((data_directory / "spool").iterdir()) == []
    assert list((data_directory / "temporary").iterdir()) == []
    stored = [p for p in (data_directory / "files").rglob("*") if p.is_file()]
    assert any(path.stat().st_size == result.file_size_bytes for path in stored)
