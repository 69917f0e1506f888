"""Pulled exports of numbers, and the file that each has to become."""

import json
from uuid import uuid4

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import CALL_SECONDS, SERVICE, GrpcioClient
from tests.faults.several_nodes import NUMBERS


def create_numbers(client: GrpcioClient, last: int, *, pause_seconds: float = 0) -> str:
    """Ask for a file of the numbers from 1 to ``last``; give the task's id."""
    metadata = pb.ExportMetadata(request_id=uuid4().hex, format=pb.CSV, filename="numbers")
    parameters = {"last": last, "pause": pause_seconds}
    request = pb.CreateExportRequest(
        metadata=metadata, provider=NUMBERS, parameters_json=json.dumps(parameters)
    )
    create = client.channel.unary_unary(
        f"/{SERVICE}/CreateExport",
        pb.CreateExportRequest.SerializeToString,
        pb.TaskStatus.FromString,
    )
    state: pb.TaskStatus = create(request, timeout=CALL_SECONDS)
    return state.task_id


def numbers_csv(last: int) -> bytes:
    """Give the whole file."""
    lines = (f'{number},""\r\n' for number in range(1, last + 1))
    return ("Number,Nothing\r\n" + "".join(lines)).encode()
