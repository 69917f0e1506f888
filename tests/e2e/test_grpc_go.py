"""A grpc-go client streams large exports; other people's readers check the files."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.conftest import Measured
from tests.e2e.exported_files import (
    assert_csv_holds,
    assert_xlsx_holds,
    assert_xlsx_holds_by_openpyxl,
    download,
)
from tests.e2e.go_client import GoClient
from tests.e2e.service_process import running_service
from tests.e2e.tls import TlsService

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

MIB: Final = 2**20
# For quick runs on a laptop; nothing else changes.
SCALE: Final = float(os.environ.get("ROWFERRY_E2E_SCALE", "1"))
LARGE_ROWS: Final = int(800_000 * SCALE)
OPENPYXL_ROWS: Final = int(100_000 * SCALE)
STREAM_ROWS: Final = int(100_000 * SCALE)
STREAMS: Final = 20
PEAK_BYTES: Final = 100 * MIB
PEAK_BYTES_OF_TWENTY: Final = 160 * MIB


@pytest.mark.parametrize(
    ("file_format", "assert_file_holds"),
    [("EXCEL", assert_xlsx_holds), ("CSV", assert_csv_holds)],
)
def test_large_stream_arrives_whole_in_bounded_memory(
    file_format: str,
    assert_file_holds: Callable[[Path, int], None],
    go_client: GoClient,
    tmp_path: Path,
    measured: Measured,
) -> None:
    with running_service(tmp_path, measured=True) as service:
        report = go_client.run(
            "stream", "-address", service.grpc, "-rows", LARGE_ROWS, "-format", file_format
        )
        peak_bytes, cpu_seconds = service.peak_resident_bytes, service.cpu_seconds
        result = report["exports"][0]
        assert_completed(result, LARGE_ROWS)
        file = tmp_path / "downloaded"
        assert download(result["link"], file) == result["sha256"]
        peak_with_download_bytes = service.peak_resident_bytes
    measured(
        f"{LARGE_ROWS:,} x 12 rows to {file_format}",
        f"{report['rows_per_second']:,.0f} rows/s, service {cpu_seconds:.1f} CPU s, "
        f"peak RSS {peak_bytes / MIB:.0f} MiB",
    )
    assert file.stat().st_size == result["file_size_bytes"]
    assert_file_holds(file, LARGE_ROWS)
    assert peak_with_download_bytes < PEAK_BYTES


def test_openpyxl_reads_every_cell_back(go_client: GoClient, tmp_path: Path) -> None:
    with running_service(tmp_path, measured=True) as service:
        report = go_client.run("stream", "-address", service.grpc, "-rows", OPENPYXL_ROWS)
        result = report["exports"][0]
        assert_completed(result, OPENPYXL_ROWS)
        download(result["link"], tmp_path / "file.xlsx")
    assert_xlsx_holds_by_openpyxl(tmp_path / "file.xlsx", OPENPYXL_ROWS)


def test_twenty_streams_at_once_all_complete(
    go_client: GoClient, tmp_path: Path, measured: Measured
) -> None:
    with running_service(tmp_path, measured=True) as service:
        arguments = ("-address", service.grpc, "-rows", STREAM_ROWS, "-streams", STREAMS)
        report = go_client.run("stream", *arguments)
        peak_bytes = service.peak_resident_bytes
    for result in report["exports"]:
        assert_completed(result, STREAM_ROWS)
    # equal rows, equal bytes
    assert len({result["sha256"] for result in report["exports"]}) == 1
    measured(
        f"{STREAMS} streams of {STREAM_ROWS:,} rows at once",
        f"{report['rows_per_second']:,.0f} rows/s in all, peak RSS {peak_bytes / MIB:.0f} MiB",
    )
    assert peak_bytes < PEAK_BYTES_OF_TWENTY


def test_rows_of_a_queued_export_wait_on_disk(
    go_client: GoClient, tmp_path: Path, measured: Measured
) -> None:
    slow = ("-rows", 1_000_000, "-batch-rows", 1, "-pause", "200ms", "-progress")
    queued = ("-rows", LARGE_ROWS, "-wait-seconds", -1)
    settings = {"concurrency.max_concurrent_tasks": 1}
    with running_service(tmp_path, settings, measured=True) as service:
        address = ("-address", service.grpc)
        with go_client.running("stream", *address, *slow) as holder_of_the_slot:
            holder_of_the_slot.next_report()
            result = go_client.run("stream", *address, *queued)["exports"][0]
            peak_bytes = service.peak_resident_bytes
        (log,) = (tmp_path / "spool").glob(f"{result['task_id']}*")
        assert (result["state"], result["acked_rows"]) == ("QUEUED", LARGE_ROWS)
        assert log.stat().st_size > LARGE_ROWS * 100
    measured(f"{LARGE_ROWS:,} rows queued", f"peak RSS {peak_bytes / MIB:.0f} MiB")
    assert peak_bytes < PEAK_BYTES


def test_stream_and_link_work_over_tls(
    go_client: GoClient, tls_service: TlsService, tmp_path: Path
) -> None:
    secured = ("-address", tls_service.service.grpc, "-ca", tls_service.ca_path)
    result = go_client.run("stream", *secured, "-rows", 20_000, "-format", "CSV")["exports"][0]
    assert_completed(result, 20_000)
    trust = ssl.create_default_context(cafile=tls_service.ca_path)
    assert download(result["link"], tmp_path / "file", tls=trust) == result["sha256"]
    assert_csv_holds(tmp_path / "file", 20_000)


def assert_completed(result: dict[str, Any], row_count: int) -> None:
    assert (result["grpc_status"], result["state"]) == ("OK", "COMPLETED"), result
    assert result["record_count"] == row_count
    assert result["acked_rows"] == row_count
