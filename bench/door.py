"""The gRPC door alone, and other Python servers under the same grpc-go client."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.batch_file import batch_file
from bench.figures import CHECKOUT, Figure, best, python_program
from bench.frames import payload_bytes
from tests.e2e.go_client import GoClient
from tests.e2e.process_figures import cpu_seconds, peak_resident_bytes

GROUP: Final = "gRPC door, rows thrown away"
SERVERS: Final = ("rowferry", "grpclib", "grpcio")
WARM_UP_ROWS: Final = 5_000
LEAST_ROWS: Final = 400_000  # fewer are gone in a hundredth of a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Streams at once, and the rows of one batch."""

    streams: int
    batch_rows: int

    def __str__(self) -> str:
        plural = "s" if self.streams > 1 else ""
        return f"{self.streams} stream{plural} of {self.batch_rows:,}-row batches"


LOADS: Final = (Load(streams=1, batch_rows=5000), Load(streams=10, batch_rows=500))


def door_figures(client: GoClient, row_count: int, repeats: int) -> Iterator[Figure]:
    """Measure every server under every load; ``row_count`` rows in all each time, or more."""
    pushed_rows = max(row_count, LEAST_ROWS)
    for load in LOADS:
        figures = [_measure(server, load, client, pushed_rows, repeats) for server in SERVERS]
        ours, *peers = figures
        ratios = {}
        for peer in peers:
            ratios[f"{peer.name.partition(':')[0]} (CPU)"] = peer.cpu_seconds / ours.cpu_seconds
            ratios[f"{peer.name.partition(':')[0]} (rows/s)"] = peer.seconds / ours.seconds
        yield replace(ours, ratios=ratios)
        yield from peers


def _measure(server: str, load: Load, client: GoClient, row_count: int, repeats: int) -> Figure:
    stream_rows = row_count // load.streams
    batches = batch_file(stream_rows, load.batch_rows)
    warm_up = batch_file(WARM_UP_ROWS, load.batch_rows)
    with _running(server) as (process, address):

        def push() -> dict[str, Any]:
            arguments = ("-address", address, "-batches", batches, "-streams", load.streams)
            before = cpu_seconds(process.pid)
            reported = client.run("push", *arguments)
            _check(reported, payload_bytes(batches))
            return {**reported, "cpu_seconds": cpu_seconds(process.pid) - before}

        client.run("push", "-address", address, "-batches", warm_up)
        reported = best(push, repeats)
        peak_rss_bytes = peak_resident_bytes(process.pid)
    return Figure(
        group=GROUP,
        name=f"{server}: {load}",
        rows=stream_rows * load.streams,
        payload_bytes=payload_bytes(batches) * load.streams,
        seconds=reported["seconds"],
        cpu_seconds=reported["cpu_seconds"],
        peak_rss_bytes=peak_rss_bytes,
    )


def _check(reported: dict[str, Any], sent_bytes: int) -> None:
    for export in reported["exports"]:
        if export["grpc_status"] != "OK" or export["file_size_bytes"] < sent_bytes:
            raise RuntimeError(f"a server lost bytes: {export}")


@contextmanager
def _running(server: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        python_program(f"bench.doors.{server}_door"),
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["address"]
        process.stdin.close()
