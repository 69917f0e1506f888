"""The whole service: grpc-go streams in, files out, client and service on the same cores."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import Figure, best
from bench.frames import payload_bytes
from tests.e2e.go_client import GoClient
from tests.e2e.service_process import running_service

GROUP: Final = "whole service"
BATCH_ROWS: Final = 1000
MANY_STREAMS: Final = 20
MANY_SHARE: Final = 8  # each of the many streams has an eighth of the rows


def service_figures(
    client: GoClient, row_count: int, repeats: int, parts: Sequence[Figure]
) -> Iterator[Figure]:
    """Measure one stream a format, compared with its parts, and many streams at once."""
    for file_format in ("EXCEL", "CSV"):
        figure = _measure(file_format, client, row_count, 1, repeats)
        yield replace(figure, ratios=_against_parts(figure, file_format, parts))
    for file_format in ("EXCEL", "CSV"):
        yield _measure(file_format, client, row_count // MANY_SHARE, MANY_STREAMS, 1)


def _measure(
    file_format: str, client: GoClient, stream_rows: int, streams: int, repeats: int
) -> Figure:
    batches = batch_file(stream_rows, BATCH_ROWS)

    def run() -> dict[str, Any]:
        return _run(client, batches, file_format, streams)

    reported = best(run, repeats)
    plural = "s" if streams > 1 else ""
    return Figure(
        group=GROUP,
        name=f"{file_format}: {streams} stream{plural} of {stream_rows:,} rows",
        rows=stream_rows * streams,
        payload_bytes=payload_bytes(batches) * streams,
        seconds=reported["seconds"],
        cpu_seconds=reported["cpu_seconds"],
        peak_rss_bytes=reported["peak_rss_bytes"],
        file_bytes=sum(export["file_size_bytes"] for export in reported["exports"]),
    )


def _run(client: GoClient, batches: Path, file_format: str, streams: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), measured=True) as service,
    ):
        before = service.cpu_seconds
        reported = client.run(
            "push",
            *("-address", service.grpc, "-format", file_format),
            *("-batches", batches, "-streams", streams),
        )
        spent = service.cpu_seconds - before
        peak_rss_bytes = service.peak_resident_bytes
    for export in reported["exports"]:
        if export["state"] != "COMPLETED":
            raise RuntimeError(f"an export failed: {export}")
    return {**reported, "cpu_seconds": spent, "peak_rss_bytes": peak_rss_bytes}


def _against_parts(whole: Figure, file_format: str, parts: Sequence[Figure]) -> dict[str, float]:
    """Compare with the core and the door of the same run; 1 = as fast, or as cheap, as they."""
    core = next(part for part in parts if part.name == f"{file_format}: rowferry")
    door = next(part for part in parts if part.name.startswith("rowferry: 1 stream"))
    slower_rows_per_second = min(core.rows_per_second, door.rows_per_second)
    parts_cpu = core.cpu_microseconds_per_row + door.cpu_microseconds_per_row
    return {
        "core (rows/s)": whole.rows_per_second / core.rows_per_second,
        "slower part (rows/s)": whole.rows_per_second / slower_rows_per_second,
        "core + door (CPU)": parts_cpu / whole.cpu_microseconds_per_row,
    }
