"""Rows over HTTP into the real service: the same files as over gRPC, through cuts and kills."""

import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from bench.dataset import COLUMNS, rows
from rowferry.v1 import export_pb2 as pb
from tests.e2e.grpcio_client import GrpcioClient, Request, finish
from tests.e2e.http_uploads import (
    CSV_TYPE,
    Body,
    ask,
    body_kinds,
    create_export,
    csv_text,
    pieces,
)
from tests.e2e.service_process import ServiceProcess, running_service
from tests.faults.encoded_rows import encoded_rows, export_metadata

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ROWS: Final = 20_000
FORMATS: Final = {"CSV": pb.CSV, "EXCEL": pb.EXCEL}
# the others differ in their coding only
KILLED_KINDS: Final = [
    "csv with a header in another order",
    "csv in gzip",
    "json arrays",
    "json objects",
    "frames",
]
WAIT: Final = {"Prefer": "wait=60"}


@pytest.fixture(scope="session")
def grpc_files(shared_service: ServiceProcess) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of the files that the rows become over gRPC."""
    files = {}
    with GrpcioClient.connect(shared_service.grpc) as client:
        for name, file_format in FORMATS.items():
            opening = export_metadata(f"grpc {name}", file_format)
            requests: list[Request] = [opening, *encoded_rows(ROWS).requests, finish(ROWS)]
            *_, last = client.open_export(iter(requests))
            assert last.result.record_count == ROWS
            files[name] = (last.result.file_size_bytes, last.result.checksum_sha256)
    return files


@pytest.mark.parametrize("kind", body_kinds())
@pytest.mark.parametrize("file_format", FORMATS)
def test_every_kind_of_body_makes_the_file_that_grpc_makes(
    shared_service: ServiceProcess,
    grpc_files: dict[str, tuple[int, str]],
    file_format: str,
    kind: str,
) -> None:
    body = body_kinds()[kind](ROWS)
    address = create_export(shared_service, f"http {file_format} {kind}", file_format)
    target = f"{address}?finish=true&expected_rows={ROWS}"
    done = ask(shared_service, "PUT", target, pieces(body.content), body.headers | WAIT)
    assert (done.status, done.document["status"]) == (200, "COMPLETED"), done.document
    file = (done.document["file_size_bytes"], done.document["checksum_sha256"])
    assert file == grpc_files[file_format]


def test_one_request_makes_the_file_that_grpc_makes(
    shared_service: ServiceProcess, grpc_files: dict[str, tuple[int, str]]
) -> None:
    header = [name for name, _ in COLUMNS]
    types = ",".join(kind for _, kind in COLUMNS)
    content = csv_text(itertools.chain([header], rows(ROWS)))
    target = f"/v1/export?format=xlsx&column_types={types}&expected_rows={ROWS}"
    done = ask(shared_service, "POST", target, pieces(content), {"Content-Type": CSV_TYPE})
    assert done.status == 201, done.document
    file = (done.document["file_size_bytes"], done.document["checksum_sha256"])
    assert file == grpc_files["EXCEL"]


def test_cut_connection_is_gone_on_with_where_the_rows_end(
    shared_service: ServiceProcess, grpc_files: dict[str, tuple[int, str]]
) -> None:
    address = create_export(shared_service, "cut", "CSV")
    body = body_kinds()["csv"](ROWS)
    _send_and_cut(shared_service, f"{address}?seq=1&finish=true", body, 0.6)
    shared_service.log.wait_for("StreamError", address.split("/")[3])
    kept = _kept_rows(shared_service, address)
    assert 0 < kept["rows"] < ROWS
    rest = csv_text(itertools.islice(rows(ROWS), kept["rows"], None))
    target = f"{address}?seq={kept['sequence']}&finish=true&expected_rows={ROWS}"
    done = ask(shared_service, "PUT", target, pieces(rest), body.headers | WAIT)
    file = (done.document["file_size_bytes"], done.document["checksum_sha256"])
    assert file == grpc_files["CSV"]


@pytest.mark.parametrize("kind", KILLED_KINDS)
def test_whole_body_again_after_a_kill_makes_the_same_file(
    tmp_path: Path, grpc_files: dict[str, tuple[int, str]], kind: str
) -> None:
    body = body_kinds()[kind](ROWS)
    numbered = "" if kind == "frames" else "seq=1&"
    with running_service(tmp_path) as service:
        address = create_export(service, "killed", "EXCEL")
        _push_until_killed(service, f"{address}?{numbered}finish=true", body)
    with running_service(tmp_path) as service:
        kept = _kept_rows(service, address)
        assert 0 < kept["rows"] < ROWS
        target = f"{address}?{numbered}finish=true&expected_rows={ROWS}"
        done = ask(service, "PUT", target, pieces(body.content), body.headers | WAIT)
    assert (done.status, done.document["rows_received"]) == (200, ROWS), done.document
    file = (done.document["file_size_bytes"], done.document["checksum_sha256"])
    assert file == grpc_files["EXCEL"]


def test_one_request_again_after_a_kill_is_the_same_export(tmp_path: Path) -> None:
    target = "/v1/export?format=csv"
    header = [name for name, _ in COLUMNS]
    body = Body(content=csv_text([header, *rows(ROWS)]), content_type=CSV_TYPE)
    headers = body.headers | {"Idempotency-Key": "nightly"}
    with running_service(tmp_path) as service:
        _push_until_killed(service, target, body, {"Idempotency-Key": "nightly"})
    with running_service(tmp_path) as service:
        done = ask(service, "POST", target, pieces(body.content), headers)
        tasks = ask(service, "GET", "/v1/exports").document["tasks"]
    assert (done.status, done.document["rows_received"]) == (201, ROWS)
    assert [task["task_id"] for task in tasks] == [done.document["task_id"]]


# Clients that write HTTP by hand.


def test_http_1_0_is_spoken(shared_service: ServiceProcess) -> None:
    request = b"POST /v1/export?format=csv HTTP/1.0\r\ncontent-type: text/csv\r\n"
    answer = _talk(shared_service, request + b"content-length: 6\r\n\r\nid\n1\n\n")
    assert answer.split(b"\r\n", 1)[0].split()[1] == b"201"
    assert b'"status":"COMPLETED"' in answer


def test_word_to_go_on_is_given_when_the_body_is_wanted(shared_service: ServiceProcess) -> None:
    head = "POST {} HTTP/1.1\r\nhost: h\r\ncontent-type: {}\r\ncontent-length: 5\r\n"
    expectation = "expect: 100-continue\r\nconnection: close\r\n\r\n"
    wanted = (head.format("/v1/export?format=csv", "text/csv") + expectation).encode()
    with socket.create_connection(_address(shared_service), timeout=20) as connection:
        connection.sendall(wanted)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(b"id\n1\n")
        assert _read_all(connection).startswith(b"HTTP/1.1 201")
    unwanted = (head.format("/v1/export?format=csv", "text/plain") + expectation).encode()
    assert _talk(shared_service, unwanted).startswith(b"HTTP/1.1 415")


def test_connection_is_used_again_and_again(shared_service: ServiceProcess) -> None:
    address = create_export(shared_service, "kept alive", "CSV")
    body = csv_text(rows(100))
    connection = http.client.HTTPConnection(shared_service.http, timeout=20)
    connection.connect()
    first_socket = connection.sock
    for sequence in range(1, 4):
        target = f"{address}?seq={sequence}"
        connection.request("PUT", target, pieces(body), {"Content-Type": CSV_TYPE})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["next_sequence"]) == (200, sequence + 1)
    assert connection.sock is first_socket
    connection.close()


def test_body_of_no_bytes_is_a_body(shared_service: ServiceProcess) -> None:
    address = create_export(shared_service, "empty", "CSV")
    done = ask(shared_service, "PUT", f"{address}?finish=true", b"", {"Content-Type": CSV_TYPE})
    assert (done.status, done.document["rows_received"]) == (202, 0)


def _kept_rows(service: ServiceProcess, address: str) -> dict[str, int]:
    head = ask(service, "HEAD", address)
    assert head.status == 200
    return {
        "rows": int(head.headers["rowferry-rows-received"]),
        "sequence": int(head.headers["rowferry-next-sequence"]),
    }


def _send_and_cut(service: ServiceProcess, target: str, body: Body, share: float) -> None:
    """Send so much of a body in chunks, and close the connection in the middle of one."""
    sent = body.content[: int(len(body.content) * share)]
    fields = "".join(f"{name}: {value}\r\n" for name, value in body.headers.items())
    head = f"PUT {target} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n{fields}\r\n"
    with socket.create_connection(_address(service), timeout=20) as connection:
        connection.sendall(head.encode())
        for piece in pieces(sent):
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"ffff\r\nthe beginning of a chunk")
        _wait_for(lambda: _kept_rows(service, target.partition("?")[0])["rows"] > 0)


def _push_until_killed(
    service: ServiceProcess, target: str, body: Body, headers: dict[str, str] | None = None
) -> None:
    """Send most of a body, kill the service once it keeps some rows, and never end the body."""
    killed = threading.Event()

    def most() -> Iterator[bytes]:
        yield from pieces(body.content[: len(body.content) * 4 // 5])
        killed.wait(60)
        yield b"1"

    def push() -> None:
        try:
            method = "PUT" if "/rows" in target else "POST"
            ask(service, method, target, most(), body.headers | (headers or {}))
        except OSError:
            pass  # the service is dead
        else:
            pytest.fail("a service that was killed has answered")

    client = threading.Thread(target=push)
    client.start()
    try:
        _wait_for(lambda: _some_rows_are_kept(service))
        service.kill()
    finally:
        killed.set()
        client.join()


def _some_rows_are_kept(service: ServiceProcess) -> bool:
    tasks = ask(service, "GET", "/v1/exports").document["tasks"]
    return any(task["rows_received"] for task in tasks)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _talk(service: ServiceProcess, request: bytes) -> bytes:
    with socket.create_connection(_address(service), timeout=20) as connection:
        connection.sendall(request)
        return _read_all(connection)


def _read_all(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return answer


def _address(service: ServiceProcess) -> tuple[str, int]:
    host, _, port = service.http.rpartition(":")
    return host, int(port)
