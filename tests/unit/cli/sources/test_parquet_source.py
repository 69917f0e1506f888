"""Parquet files that are no good."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rowferry.cli.sources import InputForm, InputOptions, open_input, open_source
from rowferry.client import InvalidRowError


def test_a_page_that_is_broken_is_told_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes([255]) * 60 + content[64:])
    options = InputOptions(
        form=InputForm.PARQUET, delimiter=",", encoding="utf-8", has_header=True, columns=()
    )
    with open_input(str(path)) as file:
        source = open_source(file, options)
        with pytest.raises(InvalidRowError, match="can't be read on") as caught:
            list(source.groups(max_message_bytes=2**20))
    assert "Traceback" not in caught.value.message
