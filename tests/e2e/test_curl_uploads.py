"""curl alone makes files: the README's line, uploads of unknown length, refusals in the middle."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from python_calamine import CalamineWorkbook

from tests.e2e.service_process import ServiceProcess

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

_README: Final = Path(__file__).parents[2] / "README.md"
_CSV: Final = "Content-Type: text/csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What curl was answered last: the status, and the JSON."""

    status: int
    document: dict[str, Any]


def test_the_readmes_line_makes_an_xlsx_file_of_a_csv(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    text = _README.read_text(encoding="utf-8")
    (people,) = re.findall(r"^printf .*> people\.csv$", text, re.MULTILINE)
    (upload,) = re.findall(r"^curl .*\\\n .*/v1/export\?.*$", text, re.MULTILINE)
    script = f"set -e\n{people}\n{upload}\n".replace("127.0.0.1:9091", shared_service.http)
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True)
    workbook = CalamineWorkbook.from_path(tmp_path / "people.xlsx")
    assert workbook.get_sheet_by_index(0).to_python() == [
        ["id", "name", "amount"],
        [1.0, "Ann, Łódź", 3.5],
        [2.0, "王秀英", ""],
    ]


def test_body_of_unknown_length_is_one_of_many(shared_service: ServiceProcess) -> None:
    export = f"http://{shared_service.http}{_create(shared_service, 'chunked')}"
    for sequence, body in ((1, b"1,a\n2,b\n"), (2, b"3,c\n")):
        address = f"{export}?seq={sequence}"
        sent = _curl("--upload-file", "-", "--header", _CSV, address, body=body)
        assert (sent.status, sent.document["next_sequence"]) == (200, sequence + 1)
    address = export.replace("/rows", "/finish")
    finished = _curl("--data", '{"expected_rows": 3, "wait_seconds": 30}', address)
    assert (finished.status, finished.document["status"]) == (200, "COMPLETED")
    assert finished.document["records_processed"] == 3


def test_body_that_nobody_wants_is_not_sent(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"1,a\n" * (4 << 20))
    address = f"http://{shared_service.http}/v1/exports/{'0' * 32}/rows?seq=nonsense"
    options = ("--upload-file", str(large), "--header", _CSV, "--expect100-timeout", "20")
    refused, sent_bytes = _curl_counting(*options, address)
    assert (refused.status, refused.document["error"]["code"]) == (400, "INVALID_METADATA")
    assert sent_bytes == 0


def test_refusal_reaches_a_client_in_the_middle_of_its_body(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"1,a\n" * (1 << 20) + b"2,b,c\n" + b"3,d\n" * (8 << 20))
    export = f"http://{shared_service.http}{_create(shared_service, 'in the middle')}"
    refused = _curl("--upload-file", str(large), "--header", _CSV, f"{export}?seq=1")
    assert (refused.status, refused.document["error"]["code"]) == (400, "INVALID_ROW")
    context = refused.document["error"]["context"]
    assert context["row"] == str((1 << 20) + 1)
    assert int(context["rows_received"]) <= 1 << 20
    assert int(context["next_sequence"]) > 1


def test_form_is_no_body_of_rows(shared_service: ServiceProcess) -> None:
    refused = _curl("--data", "id,name", f"http://{shared_service.http}/v1/export")
    assert refused.status == 415
    assert "text/csv" in refused.document["error"]["context"]["expected"]


def _create(service: ServiceProcess, request_id: str) -> str:
    metadata = {
        "request_id": request_id,
        "format": "CSV",
        "filename": "orders",
        "columns": [{"name": "id", "data_type": "NUMBER"}, {"name": "name"}],
    }
    options = ("--header", "Content-Type: application/json", "--data", json.dumps(metadata))
    created = _curl(*options, f"http://{service.http}/v1/exports")
    assert created.status == 201
    return str(created.document["rows_url"])


def _curl(*arguments: str, body: bytes = b"") -> Answer:
    return _curl_counting(*arguments, body=body)[0]


def _curl_counting(*arguments: str, body: bytes = b"") -> tuple[Answer, int]:
    """Run curl; give its answer, and how many bytes of a body it sent."""
    format_ = "\n%{http_code} %{size_upload}"
    options = ("--silent", "--show-error", "--max-time", "40", "--write-out", format_)
    done = subprocess.run(
        ["curl", *options, *arguments], input=body, stdout=subprocess.PIPE, check=True
    )
    text, _, figures = done.stdout.decode().rpartition("\n")
    status, sent_bytes = map(int, figures.split())
    return Answer(status=status, document=json.loads(text)), sent_bytes
