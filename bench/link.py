"""``python -m bench.link``: how soon after the last row there is a link, with files in a bucket.

One stream of rows becomes a file in the OSS double, five times a format: at a source's pace, and
as fast as the door takes them, which is up to ``spool.max_lag_bytes`` ahead of the writer. Parts
leave while rows come. Every file is downloaded by its link and must be the one that the local
backend makes. Then twenty streams run at once. The double shares the cores; only the service's
memory is counted. Writes ``bench/results/link.json``; with ``--check`` it runs a tenth of the rows
at the pace, once, and fails past four times a bound: times of other machines are no ratios.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import CHECKOUT, MB
from bench.machine import provenance
from bench.speed_section import update_readme
from tests.doubles.oss.operations import Operation
from tests.doubles.oss.running import OssDouble, running_oss_double
from tests.e2e import go_client
from tests.e2e.go_client import GoClient, Report
from tests.e2e.service_process import ServiceProcess, running_service

PATH: Final = CHECKOUT / "bench/results/link.json"
FORMATS: Final = ("EXCEL", "CSV")
FULL_ROWS: Final = 800_000
CHECK_SHARE: Final = 10
BATCH_ROWS: Final = 1000
FULL_RUNS: Final = 5
STREAMS: Final = 20
STREAM_SHARE: Final = 8  # each of the many streams has an eighth of the rows
PACE_ROWS_PER_SECOND: Final = 250_000  # of a quick database; half of what the cores could do
PART_BYTES: Final = 10 << 20
LINK_SECONDS: Final = 0.3
ONE_RSS_BYTES: Final = 100 * MB
MANY_RSS_BYTES: Final = 160 * MB
CHECK_SLACK: Final = 4.0
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured."""

    rows: int
    runs: int
    part_bytes: int
    paces: Mapping[str, int]  # rows a second; 0 = as fast as they go
    many_formats: tuple[str, ...]


FULL: Final = Scale(
    rows=FULL_ROWS,
    runs=FULL_RUNS,
    part_bytes=PART_BYTES,
    paces={"at_pace": PACE_ROWS_PER_SECOND, "full_speed": 0},
    many_formats=FORMATS,
)
CHECK: Final = Scale(
    rows=FULL_ROWS // CHECK_SHARE,
    runs=1,
    part_bytes=PART_BYTES // CHECK_SHARE,
    paces={"at_pace": PACE_ROWS_PER_SECOND},
    many_formats=("EXCEL",),
)


def main() -> int:
    """Measure, save, judge; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.link", description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    figures = _figures(go_client.build(), CHECK if is_check else FULL)
    document = {**provenance("bench.link"), **figures}
    print(json.dumps(document, indent=1))  # noqa: T201
    faults = list(_faults(figures, CHECK_SLACK if is_check else 1.0))
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201
    if not is_check:
        PATH.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        update_readme()
    return 1 if faults else 0


def _figures(client: GoClient, scale: Scale) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        # OSS computes MD5 elsewhere: here it would take two seconds a GB from the service.
        running_oss_double(folder=Path(folder), arguments=("--fast-etags",)) as double,
    ):
        one = {name: _one_stream(client, double, name, scale) for name in FORMATS}
        many = {name: _many_streams(client, double, name, scale) for name in scale.many_formats}
    return {
        "rows": scale.rows,
        "part_bytes": scale.part_bytes,
        "pace_rows_per_second": PACE_ROWS_PER_SECOND,
        "one_stream": one,
        "many_streams": many,
    }


def _one_stream(
    client: GoClient, double: OssDouble, file_format: str, scale: Scale
) -> dict[str, Any]:
    expected_sha256 = _local_sha256(client, file_format, scale.rows)

    def runs(rate: int) -> dict[str, Any]:
        measured = [
            _run(client, double, file_format, scale, rate, expected_sha256)
            for _ in range(scale.runs)
        ]
        seconds = [run["link_seconds"] for run in measured]
        return {"link_seconds_median": round(median(seconds), 4), "runs": measured}

    return {name: runs(rate) for name, rate in scale.paces.items()}


def _local_sha256(client: GoClient, file_format: str, rows: int) -> str:
    """Give the digest of the file that the local backend makes."""
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        (export,) = _push(client, service, file_format, rows)
        return _link_sha256(export["link"])


def _run(
    client: GoClient,
    double: OssDouble,
    file_format: str,
    scale: Scale,
    rate: int,
    expected_sha256: str,
) -> dict[str, Any]:
    double.clear()
    with _service(double, scale) as service:
        (export,) = _push(client, service, file_format, scale.rows, "-rate", rate)
        peak_rss_bytes = service.peak_resident_bytes
        found_sha256 = _link_sha256(export["link"])
    parts = [
        request.ended_at
        for request in double.snapshot().requests
        if request.operation is Operation.PUT_PART and request.status == HTTPStatus.OK
    ]
    return {
        "link_seconds": round(export["seconds"] - export["send_seconds"], 4),
        "send_seconds": round(export["send_seconds"], 3),
        "file_bytes": export["file_size_bytes"],
        "parts": len(parts),
        "parts_before_last_row": sum(ended <= export["sent_at"] for ended in parts),
        "equals_local_file": found_sha256 == expected_sha256,
        "peak_rss_bytes": peak_rss_bytes,
    }


def _many_streams(
    client: GoClient, double: OssDouble, file_format: str, scale: Scale
) -> dict[str, Any]:
    double.clear()
    rows = scale.rows // STREAM_SHARE
    with _service(double, scale) as service:
        exports = _push(client, service, file_format, rows, "-streams", STREAMS)
        peak_rss_bytes = service.peak_resident_bytes
    links = [export["seconds"] - export["send_seconds"] for export in exports]
    return {
        "streams": STREAMS,
        "rows_of_each": rows,
        "link_seconds_median": round(median(links), 4),
        "peak_rss_bytes": peak_rss_bytes,
    }


@contextmanager
def _service(double: OssDouble, scale: Scale) -> Iterator[ServiceProcess]:
    settings: Mapping[str, object] = {
        "concurrency.max_concurrent_tasks": STREAMS,
        "storage.backend": "oss",
        "oss.endpoint": double.endpoint,
        "oss.region": double.region,
        "oss.bucket": double.bucket,
        "oss.access_key_id": double.access_key_id,
        "oss.access_key_secret": double.access_key_secret,
        "oss.part_bytes": scale.part_bytes,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), settings, measured=True) as service,
    ):
        yield service


def _push(
    client: GoClient, service: ServiceProcess, file_format: str, rows: int, *arguments: object
) -> list[Report]:
    reported = client.run(
        "push",
        *("-address", service.grpc, "-format", file_format),
        *("-batches", batch_file(rows, BATCH_ROWS), *arguments),
    )
    exports: list[Report] = reported["exports"]
    for export in exports:
        if export["state"] != "COMPLETED":
            raise RuntimeError(f"an export failed: {export}")
    return exports


def _link_sha256(link: str) -> str:
    """Download a file by its link, wherever that leads, and give its digest."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(link) as answer:  # noqa: S310  an address of this service
        while block := answer.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _faults(figures: Mapping[str, Any], slack: float) -> Iterator[str]:
    for name, paces in figures["one_stream"].items():
        runs = [run for pace in paces.values() for run in pace["runs"]]
        if not all(run["equals_local_file"] for run in runs):
            yield f"{name}: a file in the bucket is not the one that the local backend makes"
        if not all(run["parts_before_last_row"] for run in paces["at_pace"]["runs"]):
            yield f"{name}: no part left before the last row"
        for pace_name, pace in paces.items():
            yield from _above(
                f"{name}, {pace_name}: link", pace["link_seconds_median"], LINK_SECONDS * slack
            )
        yield from _above(f"{name}: memory", _peak(runs), ONE_RSS_BYTES * slack)
    for name, run in figures["many_streams"].items():
        yield from _above(
            f"{name}, {STREAMS} streams: memory", _peak([run]), MANY_RSS_BYTES * slack
        )


def _above(what: str, found: float, bound: float) -> Iterator[str]:
    if found >= bound:
        yield f"{what}: {found:,} is not below {bound:,}"


def _peak(runs: Iterable[Mapping[str, Any]]) -> int:
    return max(int(run["peak_rss_bytes"]) for run in runs)


if __name__ == "__main__":
    sys.exit(main())
