"""The table says the truth: a client that is none of ours gets the files and errors it names.

It sends what a case says is sent, by grpcio; the clients' own tests send the case's rows.
"""

import itertools
import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from rowferry.v1 import export_pb2 as pb
from tests.clients.conformance import Case, assert_file, cases, generated_rows
from tests.e2e.grpcio_client import GrpcioClient, refusal_of
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = pytest.mark.clients
_BATCH_ROWS = 1000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("conformance")) as running:
        yield running


def _metadata(case: Case) -> pb.ExportMetadata:
    return pb.ExportMetadata(
        request_id=uuid4().hex,
        filename="conformance",
        format=case["format"],
        columns=[pb.ColumnDefinition(**column) for column in case["columns"]],
        options=pb.FormatOptions(**case.get("options", {})),
    )


def _texts_sent(case: Case) -> list[str]:
    if "generated" not in case:
        return [case["sent"]] if case["sent"] != "[]" else []
    rows = generated_rows(case["generated"]["rows"])
    batches = iter(lambda: list(itertools.islice(rows, _BATCH_ROWS)), [])
    return [json.dumps(batch, ensure_ascii=False) for batch in batches]


def _export(client: GrpcioClient, case: Case) -> Any:  # noqa: ANN401  a protobuf message
    requests = [pb.ExportRequest(metadata=_metadata(case))]
    requests += [
        pb.ExportRequest(batch=pb.RecordBatch(json_rows=text.encode(), batch_sequence=number))
        for number, text in enumerate(_texts_sent(case), start=1)
    ]
    return client.export(requests)[-1].result


@pytest.mark.parametrize(
    "case", [case for case in cases() if "error" not in case], ids=lambda case: case["name"]
)
def test_what_is_sent_becomes_the_file(service: ServiceProcess, case: Case) -> None:
    with GrpcioClient.connect(service.grpc) as client:
        result = _export(client, case)
    with urllib.request.urlopen(result.oss_url) as answer:  # noqa: S310  the service's own link
        assert_file(answer.read(), case)


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if case.get("error", {}).get("code") == "INVALID_METADATA"],
    ids=lambda case: case["name"],
)
def test_metadata_is_refused_as_the_table_says(service: ServiceProcess, case: Case) -> None:
    with GrpcioClient.connect(service.grpc) as client:
        found = refusal_of(lambda: client.export([pb.ExportRequest(metadata=_metadata(case))]))
    assert found.code == case["error"]["code"]
    assert case["error"]["context"].items() <= found.context.items()
