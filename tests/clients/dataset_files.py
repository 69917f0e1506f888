"""The data set's files as they are without any client of ours: what clients' files must equal."""

import json
import urllib.parse
import urllib.request
from typing import Any

from bench.dataset import COLUMNS, rows
from tests.e2e.service_process import ServiceProcess


def sha256_by_http(service: ServiceProcess, row_count: int, file_format: str) -> str:
    """Push the rows with nothing but ``urllib`` and give the file's SHA-256, hex."""
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(row_count)).encode()
    columns = [{"name": name, "data_type": kind} for name, kind in COLUMNS]
    query = urllib.parse.urlencode(
        {"format": file_format, "filename": "dataset", "columns": json.dumps(columns)}
    )
    request = urllib.request.Request(
        f"http://{service.http}/v1/export?{query}",
        data=body,
        headers={"Content-Type": "application/x-ndjson"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310  the test's own service
        task: dict[str, Any] = json.load(answer)
    return str(task["checksum_sha256"])
