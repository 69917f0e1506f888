"""A whole export gives the same file however its rows were sent."""

from collections.abc import Callable, Iterator

import pytest

from rowferry.client.service_calls import ServiceCalls
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.record_batches import Row, row_batches

MakeMetadata = Callable[..., pb.ExportMetadata]
ROWS = 12_000


def _rows() -> Iterator[Row]:
    return ((str(n * n), f"name {n % 97}, <{n}>" if n % 3 else None) for n in range(ROWS))


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("file_format", [pb.CSV, pb.EXCEL], ids=pb.Format.Name)
async def test_batches_of_any_size_make_the_same_file(
    client: ServiceCalls, make_metadata: MakeMetadata, file_format: pb.Format, *, compressed: bool
) -> None:
    options = pb.FormatOptions(compression_enabled=compressed)
    files = set()
    for batch_rows in (97, 1000, ROWS):
        metadata = make_metadata(str(batch_rows), format=file_format, options=options)
        result = await export_batches(
            client, metadata, row_batches(_rows(), batch_rows=batch_rows)
        )
        assert (result.status, result.record_count) == (pb.COMPLETED, ROWS)
        files.add((result.file_size_bytes, result.checksum_sha256))
    assert len(files) == 1
