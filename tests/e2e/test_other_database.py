"""A service that is started on the wrong database leaves the rows of the right one alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient, OpenExport, batch, finish, metadata
from tests.e2e.service_process import START_SECONDS, running_service, service_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ROWS = [("one", "1"), ("two", "2")]


def _push_without_an_end(address: str) -> str:
    """Push rows, wait until they are acknowledged, go away; give the task's id."""
    with GrpcioClient.connect(address) as client:
        export = OpenExport(client, metadata(), batch(*ROWS, sequence=1))
        task_id = export.receive().task_created.task_id
        assert export.receive().ack.rows == len(ROWS)
        export.break_off()
        return task_id


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_empty_database_is_refused_and_the_right_one_has_the_rows(tmp_path: Path) -> None:
    data, empty = tmp_path / "data", tmp_path / "empty.db"
    data.mkdir()
    with running_service(data) as service:
        task_id = _push_without_an_end(service.grpc)
    before = _files(data / "spool")
    wrong = {"task_store.url": f"sqlite:///{empty}"}
    refused = subprocess.run(
        [sys.executable, "-m", "rowferry", "serve"],
        env=service_environment(data, wrong),
        cwd=data,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert refused.returncode == 2
    for told in (str(data / "spool"), str(empty), (data / "spool" / "database-id").read_text()):
        assert told.strip() in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert _files(data / "spool") == before
    with running_service(data) as service, GrpcioClient.connect(service.grpc) as client:
        resume = pb.ExportRequest(resume=pb.Resume(task_id=task_id))
        created, *_, last = client.export([resume, finish(len(ROWS))])
        assert (created.task_created.rows_received, last.result.status) == (2, pb.COMPLETED)
