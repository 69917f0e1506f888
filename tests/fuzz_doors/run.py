"""All doors fuzzed, one after the other, on one service that is used as ever before and after."""

import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from bench.figures import CHECKOUT
from bench.machine import provenance
from rowferry.domain import events
from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import ServiceProcess, running_service
from tests.fuzz_doors.campaign import Campaign
from tests.fuzz_doors.conversations import metadata
from tests.fuzz_doors.doors import DOORS, FuzzedDoor
from tests.fuzz_doors.service_state import Holdings, settled

RESULTS: Final = CHECKOUT / "bench/results/fuzz_doors.json"
FAILURES: Final = CHECKOUT / "target/fuzz_doors"
# What the worst moment takes (0.02 MiB a task that is not over, and there may be a thousand) is
# used again, not given back: a leak is what the second half of the inputs, with as many, adds.
MAX_GROWTH_BYTES: Final = 256 << 20
MAX_GROWTH_OF_SECOND_HALF_BYTES: Final = 32 << 20
_WARM_UP_INPUTS: Final = 40
_SHOWN_LINES: Final = 10
# What was left in the middle of a stream is over soon, and nothing of it stays.
_SETTINGS: Final = {
    "spool.resume_window_seconds": 2,
    "retention.failed_spool_seconds": 0,
    "concurrency.task_queue_size": 100_000,
    "server.max_connections_per_address": 1000,
}
_EVENTS: Final = {name for name in vars(events) if re.match("[A-Z]", name)}
_LEVELS: Final = {"error", "critical"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was found; ``faults`` is empty if all is well."""

    campaigns: list[Campaign]
    before: Holdings
    halfway: Holdings
    after: Holdings
    faults: list[str]


def fuzz_doors(inputs: int, seed: int, tell: Callable[[str], None]) -> Outcome:
    """Send ``inputs`` to each door, in equal parts to its levels; ``tell`` hears how far it is."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile() as stderr,
        running_service(Path(folder), _SETTINGS, measured=True, stderr=stderr) as service,
    ):
        half = {door: count // 2 for door, count in _parts(inputs).items()}
        warm_up = _campaigns(dict.fromkeys(DOORS, _WARM_UP_INPUTS), seed, 2 * inputs, _say_nothing)
        trio.run(_run, service, warm_up)
        _export_as_ever(service, 0)
        before = settled(service, lambda held: not held.tasks and not held.row_files)
        campaigns = _campaigns(half, seed, 0, tell)
        trio.run(_run, service, campaigns)
        _export_as_ever(service, 1)
        halfway = settled(service, lambda held: not held.exceeds(before, MAX_GROWTH_BYTES))
        others = _campaigns(half, seed, inputs, tell)
        trio.run(_run, service, others)
        _export_as_ever(service, 2)
        most = MAX_GROWTH_OF_SECOND_HALF_BYTES
        after = settled(service, lambda held: not held.exceeds(halfway, most))
        campaigns += others
        faults = [fault for each in (*warm_up, *campaigns) for fault in each.faults]
        faults += halfway.exceeds(before, MAX_GROWTH_BYTES) + after.exceeds(halfway, most)
        faults += _reported_defects(service)
        stderr.seek(0)
        faults += [f"stderr: {line!r}" for line in stderr.readlines()[:_SHOWN_LINES]]
    return Outcome(campaigns=campaigns, before=before, halfway=halfway, after=after, faults=faults)


def _parts(inputs: int) -> dict[FuzzedDoor, int]:
    levels = Counter(each.door for each in DOORS)
    return {each: inputs // levels[each.door] for each in DOORS}


def _campaigns(
    counts: Mapping[FuzzedDoor, int], seed: int, first: int, tell: Callable[[str], None]
) -> list[Campaign]:
    return [
        Campaign(door=door, seed=seed, first=first, count=count, failures=FAILURES, tell=tell)
        for door, count in counts.items()
    ]


def _say_nothing(_: str) -> None:
    pass


async def _run(service: ServiceProcess, campaigns: list[Campaign]) -> None:
    addresses = {"grpc": service.grpc, "http": service.http, "websocket": service.websocket}
    for campaign in campaigns:
        await campaign.run(int(addresses[campaign.door.port].rpartition(":")[2]))


def _export_as_ever(service: ServiceProcess, number: int) -> None:
    """Make a file through a foreign client."""
    described = metadata(request_id=f"as ever {number}", wait_seconds=0)
    batch = pb.RecordBatch(csv_rows=b"1,a,2026-01-31\n" * 100, batch_sequence=1)
    with GrpcioClient.connect(service.grpc) as client:
        *_, last = client.export(
            [pb.ExportRequest(metadata=described), pb.ExportRequest(batch=batch)]
        )
    assert last.result.status == pb.COMPLETED, last
    assert last.result.record_count == 100


def _reported_defects(service: ServiceProcess) -> list[str]:
    """Give lines of the log that tell of defects, or of what nobody foresaw."""
    lines = service.log.everything()
    wrong = [line for line in lines if line["event"] == "SystemError" or _is_unforeseen(line)]
    return [f"logged: {line}" for line in wrong[:_SHOWN_LINES]]


def _is_unforeseen(line: dict[str, Any]) -> bool:
    return line["level"] in _LEVELS and line["event"] not in _EVENTS


def write_results(outcome: Outcome, seed: int) -> None:
    """Keep the figures."""
    document = {
        **provenance("tests.fuzz_doors"),
        "seed": seed,
        "doors": [
            {
                "door": each.door.door,
                "level": each.door.level,
                "inputs": each.count,
                "answered": each.answered,
                "faults": len(each.faults),
                "seconds": round(each.seconds, 1),
            }
            for each in outcome.campaigns
        ],
        "before": _figures(outcome.before),
        "halfway": _figures(outcome.halfway),
        "after": _figures(outcome.after),
        "faults": outcome.faults,
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _figures(held: Holdings) -> dict[str, int]:
    return {name: getattr(held, name) for name in Holdings.__slots__}


def fresh_seed() -> int:
    """Choose a seed for a campaign of new inputs."""
    return random.SystemRandom().randrange(2**32)
