"""What ``rowferry watch`` says while a task runs."""

import pytest

from rowferry.cli.tasks import progress_line
from rowferry.v1 import export_pb2 as pb


@pytest.mark.parametrize(
    ("rows_per_second", "line"),
    [(0.0, "PROCESSING 12,000 rows"), (4321.5, "PROCESSING 12,000 rows, 4,322 rows/s")],
)
def test_line_has_the_speed_where_it_is_known(rows_per_second: float, line: str) -> None:
    task = pb.TaskStatus(
        status=pb.PROCESSING, records_processed=12_000, rows_per_second=rows_per_second
    )
    assert progress_line(task) == line
