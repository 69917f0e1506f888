"""Clients nobody here wrote push over WebSockets: Go's gorilla/websocket and Node's ws."""

import json
import socket
import subprocess
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from bench.batch_file import batch_file, write_batches
from bench.dataset import COLUMNS
from bench.shapes import ORDERS
from tests.e2e.conftest import Measured
from tests.e2e.exported_files import assert_csv_holds, assert_xlsx_holds, download
from tests.e2e.go_client import GoClient
from tests.e2e.service_process import ServiceProcess, running_service
from tests.readers.toolchains import find, needs, node_modules

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROWS: Final = 20_000
BATCH_ROWS: Final = 500
CUT_AFTER: Final = 17
_NODE: Final = Path(__file__).parent / "node"
_NODE_SECONDS: Final = 60.0
_HOLDS: Final = {"EXCEL": assert_xlsx_holds, "CSV": assert_csv_holds}


@pytest.fixture(scope="session")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("batches") / "orders"
    write_batches(path, ROWS, BATCH_ROWS, ORDERS, "records")
    return path


@pytest.mark.parametrize("file_format", ["EXCEL", "CSV"])
def test_both_make_the_file_that_grpc_makes_even_if_they_are_cut_off(
    shared_service: ServiceProcess,
    go_client: GoClient,
    batches: Path,
    file_format: str,
    tmp_path: Path,
) -> None:
    over_grpc = _go(go_client, "push", shared_service.grpc, batches, file_format)
    whole = _go(go_client, "websocket", shared_service.websocket, batches, file_format)
    cut = _go(
        go_client,
        "websocket",
        shared_service.websocket,
        batches,
        file_format,
        *("-cut-after", CUT_AFTER),
    )
    by_node = _node(shared_service.websocket, batches, file_format, break_after=CUT_AFTER)
    assert (whole["connections"], cut["connections"], by_node["connections"]) == (1, 2, 2)
    sums = {run["exports"][0]["sha256"] for run in (over_grpc, whole, cut)}
    assert sums == {by_node["checksum_sha256"]}
    assert by_node["record_count"] == ROWS
    file = tmp_path / "file"
    assert {download(by_node["oss_url"], file)} == sums
    _HOLDS[file_format](file, ROWS)


@pytest.mark.slow
def test_an_upload_survives_kill_9_of_the_service(
    go_client: GoClient, tmp_path: Path, measured: Measured
) -> None:
    batches = batch_file(400_000, 1000)
    address = f"127.0.0.1:{_free_port()}"
    settings = {"server.websocket_port": address.rpartition(":")[2]}
    with running_service(tmp_path, settings) as undisturbed:
        expected = _go(go_client, "push", undisturbed.grpc, batches, "CSV")["exports"][0]
    command = ("-address", address, "-batches", batches, "-format", "CSV", "-redial")
    unfinished = ("-gate-at", 300)  # of 400: however late the kill comes, it comes in the middle
    with ExitStack() as held:  # the client outlives the service
        with running_service(tmp_path, settings) as service:
            upload = held.enter_context(go_client.running("websocket", *command, *unfinished))
            task_id = service.log.wait_for("TaskStarted")["task_id"]
            _wait_for_rows(service, task_id)
            service.kill()
            upload.go_on()
        with running_service(tmp_path, settings):
            report = upload.next_report()
    result = report["exports"][0]
    assert result["task_id"] == task_id
    assert (result["state"], result["sha256"]) == ("COMPLETED", expected["sha256"])
    assert report["connections"] >= 2
    measured("WebSocket upload over kill -9", f"{report['connections']} connections, same bytes")


def _go(client: GoClient, command: str, address: str, batches: Path, *arguments: object) -> Any:  # noqa: ANN401  JSON
    file_format, *others = arguments
    report = client.run(
        command, "-address", address, "-batches", batches, "-format", file_format, *others
    )
    assert report["exports"][0]["state"] == "COMPLETED", report
    return report


def _node(address: str, batches: Path, file_format: str, *, break_after: int) -> Any:  # noqa: ANN401  JSON
    with needs("the Node client"):
        node = find("node")
        node_modules(_NODE)
    columns = [{"name": name, "data_type": kind} for name, kind in COLUMNS]
    completed = subprocess.run(
        [
            node,
            _NODE / "upload.js",
            address,
            batches,
            uuid.uuid4().hex,
            file_format,
            str(break_after),
        ],
        input=json.dumps(columns),
        capture_output=True,
        text=True,
        check=False,
        timeout=_NODE_SECONDS,
    )
    assert completed.returncode == 0, completed.stderr
    return json.loads(completed.stdout)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait_for_rows(service: ServiceProcess, task_id: str) -> None:
    """Wait until the first of a task's rows are in its log."""
    (log,) = [path for path in service.files_of(task_id) if "spool" in path.parts]
    while log.stat().st_size < 2**20:
        time.sleep(0.001)
