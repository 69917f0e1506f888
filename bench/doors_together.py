"""``python -m bench.doors_together``: the same rows through every door, in turns.

Everything is encoded before the clock starts, which runs from an export's first request to its
result. Of the runs of a job the median counts. Writes ``bench/results/doors-<rows>-rows.json``;
with ``--check`` it fails when a ratio of processor times to gRPC is below 70 % of the one that is
committed for as many rows, without it when a target is missed. All exports of a format must be
the same file.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from bench import door_bodies
from bench.dataset import COLUMNS
from bench.door_clients import (
    Metadata,
    Outcome,
    masked_frames,
    request_id,
    upload_over_http,
    upload_over_websocket,
)
from bench.figures import CHECKOUT, Figure, print_table
from bench.machine import provenance
from tests.e2e import go_client
from tests.e2e.service_process import ServiceProcess, running_service

RESULTS: Final = CHECKOUT / "bench/results"
FULL_ROWS: Final = 800_000
FORMATS: Final = ("EXCEL", "CSV")
SLACK: Final = 0.7
GRPC: Final = "gRPC"
HTTP_FRAMES: Final = "HTTP frames"
HTTP_JSON: Final = "HTTP NDJSON"
WEBSOCKET: Final = "WebSocket"
ROWS_RATIO: Final = "gRPC (rows/s)"
TARGETS: Final = {
    f"EXCEL: {WEBSOCKET}": 0.9,
    f"EXCEL: {HTTP_FRAMES}": 0.9,
    f"CSV: {WEBSOCKET}": 0.4,
    f"CSV: {HTTP_FRAMES}": 0.4,
}
"""Rows a second, gRPC's being 1."""
JSON_ROWS_PER_SECOND: Final = 400_000

Upload = Callable[[ServiceProcess, str], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One way in: how an export goes through it, and the bytes that it takes."""

    name: str
    upload: Upload
    payload_bytes: int


def main() -> int:
    """Measure, save or compare; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.doors_together", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="rows of each export")
    parser.add_argument(
        "--repeats", type=int, default=5, help="runs of each, of which the median counts"
    )
    parser.add_argument("--check", action="store_true", help="compare with the committed ratios")
    arguments = parser.parse_args()
    figures = measure(arguments.rows, arguments.repeats)
    print_table(figures)
    if arguments.check:
        complaints = list(_worse(figures, _committed_ratios(arguments.rows)))
    else:
        _save(figures, arguments.rows)
        complaints = list(_missed(figures)) if arguments.rows == FULL_ROWS else []
    for complaint in complaints:
        print(complaint, file=sys.stderr)  # noqa: T201
    return 1 if complaints else 0


def measure(row_count: int, repeats: int) -> list[Figure]:
    """Run every job once a round, in the same order; the medians, beside gRPC's."""
    doors = list(_doors(row_count))
    runs: dict[str, list[Figure]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), measured=True) as service,
    ):
        for _ in range(repeats):
            for file_format in FORMATS:
                for door in doors:
                    figure = _run(service, door, file_format, row_count)
                    runs.setdefault(figure.name, []).append(figure)
    medians = {name: _median(figures) for name, figures in runs.items()}
    return [_beside_grpc(figure, medians) for figure in medians.values()]


def _doors(row_count: int) -> Iterator[Door]:
    messages = door_bodies.messages(row_count)
    frames = masked_frames(messages)
    message_bytes = sum(map(len, messages))
    client = go_client.build()

    def push(service: ServiceProcess, file_format: str) -> Outcome:
        export = client.run(
            "push",
            *("-address", service.grpc, "-format", file_format),
            *("-batches", door_bodies.records_path(row_count)),
        )["exports"][0]
        return Outcome(
            state=export["state"],
            sha256=export["sha256"],
            file_bytes=export["file_size_bytes"],
            seconds=export["seconds"],
        )

    def send(service: ServiceProcess, file_format: str) -> Outcome:
        address = str(service.ready["websocket"])
        return upload_over_websocket(address, _metadata(file_format), messages, frames)

    yield Door(name=GRPC, upload=push, payload_bytes=message_bytes)
    yield Door(name=WEBSOCKET, upload=send, payload_bytes=message_bytes)
    for name, media_type, body in (
        (HTTP_FRAMES, "application/vnd.rowferry.record-batches", door_bodies.frames(row_count)),
        (HTTP_JSON, "application/x-ndjson", door_bodies.json_lines(row_count)),
        ("HTTP CSV", "text/csv", door_bodies.csv(row_count)),
    ):
        upload = partial(_put, media_type=media_type, body=body)
        yield Door(name=name, upload=upload, payload_bytes=len(body))


def _put(service: ServiceProcess, file_format: str, *, media_type: str, body: bytes) -> Outcome:
    return upload_over_http(service.http, _metadata(file_format), media_type, body)


def _metadata(file_format: str) -> Metadata:
    return {
        "request_id": request_id(),
        "format": file_format,
        "filename": "orders 订单",
        "columns": [{"name": name, "data_type": data_type} for name, data_type in COLUMNS],
    }


def _run(service: ServiceProcess, door: Door, file_format: str, row_count: int) -> Figure:
    before = service.cpu_seconds
    outcome = door.upload(service, file_format)
    if outcome.state != "COMPLETED":
        raise RuntimeError(f"an export failed: {outcome}")
    return Figure(
        group=outcome.sha256,
        name=f"{file_format}: {door.name}",
        rows=row_count,
        payload_bytes=door.payload_bytes,
        seconds=outcome.seconds,
        cpu_seconds=service.cpu_seconds - before,
        peak_rss_bytes=service.peak_resident_bytes,
        file_bytes=outcome.file_bytes,
    )


def _median(figures: Sequence[Figure]) -> Figure:
    return replace(
        figures[0],
        seconds=median(figure.seconds for figure in figures),
        cpu_seconds=median(figure.cpu_seconds for figure in figures),
        peak_rss_bytes=max(figure.peak_rss_bytes for figure in figures),
    )


def _beside_grpc(figure: Figure, medians: Mapping[str, Figure]) -> Figure:
    file_format = figure.name.partition(":")[0]
    grpc = medians[f"{file_format}: {GRPC}"]
    if figure.group != grpc.group:
        raise RuntimeError(f"{figure.name} made another file than gRPC")
    ratios = {
        ROWS_RATIO: figure.rows_per_second / grpc.rows_per_second,
        "gRPC (CPU)": grpc.cpu_microseconds_per_row / figure.cpu_microseconds_per_row,
    }
    group = f"{file_format}, one export"
    return replace(figure, group=group, ratios={} if figure is grpc else ratios)


def _missed(figures: Sequence[Figure]) -> Iterator[str]:
    for figure in figures:
        target = TARGETS.get(figure.name, 0.0)
        if target and figure.ratios[ROWS_RATIO] < target:
            yield f"{figure.name}: below {target:.2f}x {GRPC}"
        if figure.name == f"CSV: {HTTP_JSON}" and figure.rows_per_second < JSON_ROWS_PER_SECOND:
            yield f"{figure.name}: below {JSON_ROWS_PER_SECOND:,} rows/s"


def _worse(
    figures: Sequence[Figure], committed: Mapping[str, Mapping[str, float]]
) -> Iterator[str]:
    for figure in figures:
        for other, ratio in figure.ratios.items():
            least = SLACK * committed[figure.name][other]
            if ratio < least and other != ROWS_RATIO:  # which a busy machine spoils
                yield f"{figure.name}: {ratio:.2f}x {other}, at least {least:.2f}x was expected"


def _committed_ratios(row_count: int) -> dict[str, dict[str, float]]:
    document = json.loads(_path(row_count).read_text(encoding="utf-8"))
    return {figure["name"]: figure["ratios"] for figure in document["figures"]}


def _save(figures: Sequence[Figure], row_count: int) -> None:
    documents = [figure.document() for figure in figures]
    document = {**provenance("bench.doors_together"), "figures": documents}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    _path(row_count).write_text(text + "\n", encoding="utf-8")


def _path(row_count: int) -> Path:
    return RESULTS / f"doors-{row_count}-rows.json"


if __name__ == "__main__":
    sys.exit(main())
