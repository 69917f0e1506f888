"""A node that sleeps through its lease wakes up as a zombie: nothing that it writes counts."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.exported_files import download
from tests.e2e.grpcio_client import GrpcioClient, OpenExport, finish
from tests.e2e.service_process import ServiceProcess
from tests.faults.data_directories import left_overs, objects_in
from tests.faults.encoded_rows import encoded_rows, export_metadata
from tests.faults.pulled_exports import create_numbers, numbers_csv
from tests.faults.several_nodes import Nodes, nodes_on_postgresql
from tests.faults.transfers import Transfer
from tests.faults.undisturbed import undisturbed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

ROWS: Final = 2_000
PULLED_ROWS: Final = 2_000
PAUSE_SECONDS: Final = 0.001
PATIENCE_SECONDS: Final = 90.0


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with nodes_on_postgresql(tmp_path) as started:
        yield started


def test_pushed_export_of_a_node_that_slept_is_made_again_by_that_node(nodes: Nodes) -> None:
    transfer = Transfer(encoded_rows(ROWS), pb.CSV, random.Random(0))
    opening = export_metadata(transfer.request_id, pb.CSV)
    with (
        nodes.running("sleeper") as sleeper,
        nodes.running("other") as other,
        GrpcioClient.connect(sleeper.grpc) as client,
        GrpcioClient.connect(other.grpc) as other_client,
    ):
        stream = OpenExport(client, opening, *transfer.rows.requests)
        task_id = stream.receive().task_created.task_id
        sleeper.log.wait_for("RecordsWritten", task_id)
        with _asleep(nodes, sleeper):
            wait_for_state(other_client, task_id, pb.FAILED)
        stream.send(finish(ROWS))
        stream.half_close()
        result = stream.remaining()[-1].result
        assert sleeper.log.wait_for("LeaseLost", task_id)
        assert (result.status, result.record_count) == (pb.COMPLETED, ROWS)
        assert result.checksum_sha256 == undisturbed(ROWS, pb.CSV).sha256
        attempt = client.query(task_id).attempt
        assert attempt > 1
        assert _attempts_stored(nodes) == [f"{attempt}.csv"]
        assert left_overs(sleeper.data_directory) == []


def test_pulled_export_of_a_node_that_slept_is_made_by_another(
    nodes: Nodes, tmp_path: Path
) -> None:
    with (
        nodes.running("sleeper") as sleeper,
        GrpcioClient.connect(sleeper.grpc) as client,
    ):
        task_id = create_numbers(client, PULLED_ROWS, pause_seconds=PAUSE_SECONDS)
        sleeper.log.wait_for("RecordsWritten", task_id)
        with ExitStack() as awake:
            with _asleep(nodes, sleeper):
                other = awake.enter_context(nodes.running("other"))
                other_client = awake.enter_context(GrpcioClient.connect(other.grpc))
                state = wait_for_state(other_client, task_id, pb.COMPLETED)
            assert sleeper.log.wait_for("LeaseLost", task_id)
            sleeper.log.wait_for("TempFileDeleted", task_id)
            other.log.wait_for("TempFileDeleted", task_id)
            assert state.attempt > 1
            assert other_client.query(task_id) == state  # also after the zombie woke up
            assert download(state.oss_url, tmp_path / "file") == state.checksum_sha256
            assert (tmp_path / "file").read_bytes() == numbers_csv(PULLED_ROWS)
            assert _attempts_stored(nodes) == [f"{state.attempt}.csv"]
            assert left_overs(sleeper.data_directory) == []
            assert left_overs(other.data_directory) == []


@contextmanager
def _asleep(nodes: Nodes, service: ServiceProcess) -> Iterator[None]:
    """Stop a service's process for the block, as a machine that is suspended.

    Not within a transaction: its rows would be locked until it wakes up.
    """
    service.process.send_signal(signal.SIGSTOP)
    try:
        while nodes.in_transaction():
            service.process.send_signal(signal.SIGCONT)
            while nodes.in_transaction():
                pass
            service.process.send_signal(signal.SIGSTOP)
        yield
    finally:
        service.process.send_signal(signal.SIGCONT)


def wait_for_state(client: GrpcioClient, task_id: str, wanted: pb.TaskState) -> pb.TaskStatus:
    """Ask for a task's state until it is the wanted one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (state := client.query(task_id)).status != wanted:
        assert time.monotonic() < deadline, f"the task is still {state.status}: {state}"
        time.sleep(0.05)
    return state


def _attempts_stored(nodes: Nodes) -> list[str]:
    return sorted(path.name for path in objects_in(nodes.storage))
