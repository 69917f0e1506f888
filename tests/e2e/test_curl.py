"""curl's HTTP/2 speaks to the gRPC door: nothing of gRPC but frames, headers and trailers."""

import shutil
import struct
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from google.protobuf.message import Message

from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import SERVICE, batch, metadata
from tests.e2e.service_process import ServiceProcess
from tests.e2e.tls import TlsService

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

CLEAR: Final = ("--http2-prior-knowledge",)
ROWS: Final = batch(("name", "1"), ("王", "2"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What curl was answered: lines of headers and trailers, messages without their frames."""

    lines: list[str]
    messages: list[bytes]


def test_upload_in_the_clear_ends_with_trailers(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    answer = _post(f"http://{shared_service.grpc}", "Upload", [metadata(), ROWS], CLEAR, tmp_path)
    _assert_completed(answer)


def test_upload_over_tls_ends_with_trailers(tls_service: TlsService, tmp_path: Path) -> None:
    options = ("--http2", "--cacert", str(tls_service.ca_path))
    url = f"https://{tls_service.service.grpc}"
    _assert_completed(_post(url, "Upload", [metadata(), ROWS], options, tmp_path))


def test_refusal_reaches_a_client_that_is_still_uploading(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    # libcurl before 8 calls a stream that is reset with NO_ERROR while it uploads an error of
    # its own (exit code 92), but has read the status by then
    too_much = [batch(*[("name", "1")] * 1000) for _ in range(500)]
    requests = [metadata(columns=[]), *too_much]
    answer = _post(
        f"http://{shared_service.grpc}", "Export", requests, CLEAR, tmp_path, exit_codes={0, 92}
    )
    assert "grpc-status: 3" in answer.lines
    assert "rowferry-code: INVALID_METADATA" in answer.lines


def test_unknown_task_is_a_status_not_an_http_error(
    shared_service: ServiceProcess, tmp_path: Path
) -> None:
    request = pb.TaskStatusRequest(task_id="0" * 32)
    url = f"http://{shared_service.grpc}"
    answer = _post(url, "QueryTaskStatus", [request], CLEAR, tmp_path)
    assert answer.lines[0].startswith("HTTP/2 200")
    assert "grpc-status: 5" in answer.lines
    assert "rowferry-code: NOT_FOUND" in answer.lines


def _assert_completed(answer: Answer) -> None:
    assert answer.lines[0].startswith("HTTP/2 200")
    assert answer.lines[1].startswith("content-type: application/grpc")
    assert answer.lines[-1] == "grpc-status: 0"
    (message,) = answer.messages
    result = pb.ExportResult.FromString(message)
    assert (result.status, result.record_count) == (pb.COMPLETED, 2)


def _post(
    url: str,
    method: str,
    requests: Sequence[Message],
    options: Sequence[str],
    folder: Path,
    *,
    exit_codes: Collection[int] = (0,),
) -> Answer:
    body, reply, headers = (folder / name for name in ("body", "reply", "headers"))
    reply.touch()  # curl makes no file for a call that has no message
    body.write_bytes(b"".join(_framed(request) for request in requests))
    completed = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--max-time", "30", *options),
            *("--header", "content-type: application/grpc", "--header", "te: trailers"),
            *("--data-binary", f"@{body}", "--output", reply, "--dump-header", headers),
            f"{url}/{SERVICE}/{method}",
        ],
        check=False,
    )
    assert completed.returncode in exit_codes
    lines = headers.read_text(encoding="utf-8").splitlines()
    return Answer(lines=[line for line in lines if line], messages=_unframed(reply.read_bytes()))


def _framed(message: Message) -> bytes:
    """Put gRPC's prefix before a message: not compressed, its length (gRPC over HTTP/2)."""
    encoded = message.SerializeToString()
    return struct.pack(">BI", 0, len(encoded)) + encoded


def _unframed(body: bytes) -> list[bytes]:
    messages, position = [], 0
    while position < len(body):
        compressed, size = struct.unpack_from(">BI", body, position)
        assert not compressed
        position += 5 + size
        messages.append(body[position - size : position])
    return messages
