"""Live progress as others see it: curl's event stream, and two nodes of one database."""

import json
import shutil
import subprocess
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.grpcio_client import GrpcioClient, OpenExport, batch, metadata
from tests.e2e.nodes import Cluster, create_pulled
from tests.e2e.service_process import ServiceProcess
from tests.servers.postgresql import PostgresqlServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
SECONDS = 60.0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_shows_a_task_until_it_is_final(shared_service: ServiceProcess) -> None:
    with GrpcioClient.connect(shared_service.grpc) as client:
        stream = OpenExport(client)
        stream.send(metadata())
        task_id = stream.receive().task_created.task_id
        url = f"http://{shared_service.http}/v1/exports/{task_id}/events"
        command = ["curl", "--silent", "--no-buffer", "--fail", "--max-time", "60", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
            assert curl.stdout is not None
            assert curl.stdout.readline() == "retry: 2000\n"
            first = next(line for line in curl.stdout if line.startswith("data: "))
            stream.send(batch(("name", "1")))
            stream.half_close()
            rest = [line for line in curl.stdout if line.startswith("data: ")]
            assert curl.wait(SECONDS) == 0
    tasks = [json.loads(line.removeprefix("data: ")) for line in [first, *rest]]
    assert {task["task_id"] for task in tasks} == {task_id}
    assert tasks[0]["status"] != "COMPLETED"
    assert (tasks[-1]["status"], tasks[-1]["records_processed"]) == ("COMPLETED", 1)


def test_node_tells_of_tasks_that_another_one_works_on(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    cluster = Cluster(folder=tmp_path, database_url=postgresql.create_database())
    # nobody dies here: a machine that stands still for seconds must not look as if a node had
    settings = {"lease.seconds": 60}
    idle = {**settings, "concurrency.max_concurrent_tasks": 1}
    with (
        cluster.node("one", settings) as one,
        cluster.node("two", idle) as two,
        GrpcioClient.connect(one.grpc) as at_one,
        GrpcioClient.connect(two.grpc) as at_two,
    ):
        stream = OpenExport(at_one)  # pushed rows stay with the node that takes them
        stream.send(metadata())
        task_id = stream.receive().task_created.task_id
        watched = at_two.watch(task_id)
        assert next(watched).task_id == task_id
        events = _Events(two, task_id)
        stream.send(batch(("name", "1")))
        stream.half_close()
        *_, last = watched
        assert (last.records_processed, last.oss_url != "") == (1, True)
        assert events.last()["status"] == "COMPLETED"
        pulled = create_pulled(at_one, first=0, rows=300, seconds_per_batch=0.1)
        for client in (at_one, at_two):
            *_, last = client.watch(pulled)
            assert last.records_processed == 300


class _Events:
    """An event stream that is read beside the test."""

    def __init__(self, service: ServiceProcess, task_id: str) -> None:
        url = f"http://{service.http}/v1/exports/{task_id}/events"
        self._lines: list[str] = []
        self._answer = urllib.request.urlopen(url, timeout=SECONDS)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def last(self) -> dict[str, Any]:
        """Give the last task that was told of before the stream ended."""
        self._reader.join(SECONDS)
        task: dict[str, Any] = json.loads(self._lines[-1])
        return task

    def _read(self) -> None:
        with self._answer:
            for line in self._answer:
                if line.startswith(b"data: "):
                    self._lines.append(line.decode().removeprefix("data: "))
