"""Nodes of one PostgreSQL die and freeze while they work: each pulled export completes once."""

import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.grpcio_client import GrpcioClient
from tests.e2e.nodes import LEASE_SECONDS, Cluster, content_of, create_pulled
from tests.e2e.numbered_rows import file_of
from tests.e2e.service_process import ServiceProcess
from tests.faults.figures import Figures
from tests.faults.scale import scaled
from tests.servers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

TASKS: Final = scaled(short=32, full=200)
ROWS: Final = 1000
SECONDS_PER_BATCH: Final = 0.25  # so a task takes two seconds and a half: a fault hits several
PAUSE_SECONDS: Final = (1.0, 3.0)  # between two faults
END_SECONDS: Final = 120.0  # from the last fault to the last file
NAMES: Final = ("one", "two")
SETTINGS: Final = {"concurrency.max_concurrent_tasks": 4, "retry.max_attempts": 100}

CompletedRows = Mapping[str, tuple[Any, ...]]


class Nodes:
    """Two nodes, each started again after its death."""

    def __init__(self, cluster: Cluster, stack: ExitStack) -> None:
        self._cluster = cluster
        self._stack = stack
        self.services: list[ServiceProcess] = []  # dead ones too: their logs stay
        self._running = {name: self._start(name) for name in NAMES}

    def __getitem__(self, name: str) -> ServiceProcess:
        return self._running[name]

    def kill(self, name: str) -> None:
        """Kill a node and start it again."""
        self[name].kill()
        self._running[name] = self._start(name)

    def freeze(self, name: str) -> None:
        """Stop a node until the other one has its tasks; then let it go on with them."""
        self[name].process.send_signal(signal.SIGSTOP)
        time.sleep(2 * LEASE_SECONDS)
        self[name].process.send_signal(signal.SIGCONT)

    def completions(self) -> Counter[str]:
        """Count for each task how often any node said that it completed it."""
        logs = [service.log.named("TaskCompleted") for service in self.services]
        return Counter(event["task_id"] for events in logs for event in events)

    def leases_lost(self) -> int:
        """Count how often a node found that its task had been taken over."""
        return sum(len(service.log.named("LeaseLost")) for service in self.services)

    def _start(self, name: str) -> ServiceProcess:
        service = self._stack.enter_context(self._cluster.node(name, SETTINGS))
        self.services.append(service)
        return service


class SharedDatabase:
    """What the nodes' database says of completed tasks, none of which may ever change again."""

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server
        self.url = server.create_database()
        self.completed: CompletedRows = {}

    def look(self) -> int:
        """Count the completed tasks; all that were so before are the same."""
        found = self._server.execute(
            "SELECT id, version, attempt, object_key, sha256, finished_at FROM task"
            " WHERE state = 'COMPLETED'",
            url=self.url,
        )
        rows = {str(row[0]): tuple(row) for row in found}
        assert {task_id: rows.get(task_id) for task_id in self.completed} == self.completed
        self.completed = rows
        return len(rows)


def test_each_pulled_export_completes_once_while_nodes_are_killed_and_frozen(
    tmp_path: Path, postgresql: PostgresqlServer, figures: Figures
) -> None:
    chance = random.Random(5)
    database = SharedDatabase(postgresql)
    cluster = Cluster(folder=tmp_path, database_url=database.url)
    with ExitStack() as stack:
        nodes = Nodes(cluster, stack)
        firsts = _create_tasks(nodes["one"])
        faults: Counter[str] = Counter()
        while database.look() < TASKS or not faults.keys() >= {"kill", "freeze"}:
            time.sleep(chance.uniform(*PAUSE_SECONDS))
            fault = nodes.freeze if sum(faults.values()) % 3 == 1 else nodes.kill
            fault(chance.choice(NAMES))
            faults[fault.__name__] += 1
        _assert_files(nodes["one"], firsts)
        _wait_until_nothing_else_is_stored(cluster, database)
        assert database.look() == TASKS  # frozen ones have had their time
        assert set(nodes.completions().values()) == {1}
        figures.count("two nodes", "leases found lost", nodes.leases_lost())
    for fault_name, times in faults.items():
        figures.count("two nodes", f"faults ({fault_name})", times)
    attempts = Counter(attempt for _, _, attempt, *_ in database.completed.values())
    for attempt, tasks in sorted(attempts.items()):
        figures.count("two nodes", f"tasks of {attempt} attempts", tasks)


def _create_tasks(service: ServiceProcess) -> dict[str, int]:
    """Ask for the exports; give the first row of each."""
    firsts = {}
    with GrpcioClient.connect(service.grpc) as client:
        for first in range(0, TASKS * ROWS, ROWS):
            task_id = create_pulled(
                client, first=first, rows=ROWS, seconds_per_batch=SECONDS_PER_BATCH
            )
            firsts[task_id] = first
    return firsts


def _assert_files(service: ServiceProcess, firsts: Mapping[str, int]) -> None:
    with GrpcioClient.connect(service.grpc) as client:
        for task_id, first in firsts.items():
            assert content_of(client.query(task_id)) == file_of(first, ROWS)


def _wait_until_nothing_else_is_stored(cluster: Cluster, database: SharedDatabase) -> None:
    wanted = {str(object_key) for _, _, _, object_key, *_ in database.completed.values()}
    deadline = time.monotonic() + END_SECONDS
    while (stored := cluster.stored_keys()) != wanted:
        assert time.monotonic() < deadline, stored ^ wanted
        time.sleep(0.1)
