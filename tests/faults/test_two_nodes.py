"""Nodes that share pulled exports are killed in turns: each export is made exactly once."""

import random
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.exported_files import download
from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.service_process import ServiceProcess
from tests.faults.data_directories import objects_in
from tests.faults.figures import Figures
from tests.faults.pulled_exports import create_numbers, numbers_csv
from tests.faults.scale import scaled
from tests.faults.several_nodes import Nodes, nodes_on_postgresql

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

TASKS: Final = scaled(short=20, full=200)
KILLS: Final = scaled(short=2, full=12)
ROWS: Final = 1_000
PAUSE_SECONDS: Final = 0.001
SECONDS_BETWEEN_KILLS: Final = 3.0
PATIENCE_SECONDS: Final = scaled(short=90, full=600)
NAMES: Final = ("one", "two")


def test_pulled_exports_complete_exactly_once_while_nodes_are_killed(
    tmp_path: Path, figures: Figures
) -> None:
    chance = random.Random(0)
    with nodes_on_postgresql(tmp_path) as nodes, ExitStack() as killed:
        running = {name: killed.enter_context(nodes.running(name)) for name in NAMES}
        lives = [*running.values()]
        with GrpcioClient.connect(running["two"].grpc) as client:
            task_ids = [
                create_numbers(client, ROWS, pause_seconds=PAUSE_SECONDS) for _ in range(TASKS)
            ]
        for number in range(KILLS):
            time.sleep(chance.uniform(1, SECONDS_BETWEEN_KILLS))
            name = NAMES[number % len(NAMES)]
            running[name].kill()
            running[name] = killed.enter_context(nodes.running(name))
            lives.append(running[name])
        with GrpcioClient.connect(running["one"].grpc) as client:
            states = _wait_for_all(client, task_ids)
            for task_id in task_ids:
                state = client.query(task_id)
                assert download(state.oss_url, tmp_path / "file") == state.checksum_sha256
                assert (tmp_path / "file").read_bytes() == numbers_csv(ROWS)
        _wait_for_one_file_each(nodes, task_ids)
        assert max(_completions(lives).values()) == 1
    figures.count("two nodes", "tasks", TASKS)
    figures.count("two nodes", "kills", KILLS)
    figures.count("two nodes", "attempts", sum(state.attempt for state in states))


def _wait_for_all(client: GrpcioClient, task_ids: list[str]) -> list[pb.TaskStatus]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    states = [client.query(task_id) for task_id in task_ids]
    while not all(state.status == pb.COMPLETED for state in states):
        counts = Counter(pb.TaskState.Name(state.status) for state in states)
        assert time.monotonic() < deadline, f"tasks never end: {counts}"
        time.sleep(0.5)
        states = [client.query(task_id) for task_id in task_ids]
    return states


def _wait_for_one_file_each(nodes: Nodes, task_ids: list[str]) -> None:
    """Wait until nothing else is stored: a node that lost a task may have put its file there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (stored := _stored(nodes)) != Counter(task_ids):
        assert time.monotonic() < deadline, stored - Counter(task_ids)
        time.sleep(0.1)


def _stored(nodes: Nodes) -> Counter[str]:
    return Counter(path.parent.name for path in objects_in(nodes.storage))


def _completions(services: list[ServiceProcess]) -> Counter[str]:
    """Count who was told complete, by any process."""
    events = [event for service in services for event in service.log.named("TaskCompleted")]
    return Counter(event["task_id"] for event in events)
