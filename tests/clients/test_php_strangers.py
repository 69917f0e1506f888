"""Whatever answers the PHP client: an exception of a class, with a plain sentence."""

from collections.abc import Mapping
from typing import Final

import pytest

from tests.clients import strangers
from tests.clients.php import run_program
from tests.clients.php_transport import TRANSPORTS, PhpTransport
from tests.clients.program import Told

pytestmark = [pytest.mark.clients, pytest.mark.timeout(60)]

HTML: Final = b"<html><body>Welcome to nginx!</body></html>"
ENVIRONMENT: Final = {"ROWFERRY_RETRY_FOR": "0.2", "ROWFERRY_SILENCE": "0.5"}
PATIENT: Final = ENVIRONMENT | {"ROWFERRY_SILENCE": "20"}  # whoever speaks may take his time
STRANGERS: Final = {
    "a page": strangers.http("200 OK", "text/html", HTML),
    "another API": strangers.http("200 OK", "application/json", b'{"hello": "world"}'),
    "a list": strangers.http("200 OK", "application/json", b"[1, 2]"),
    "another API's error": strangers.http("404 Not Found", "application/json", b'{"error": 404}'),
    "a proxy by HTTP/1.1": strangers.http("502 Bad Gateway", "text/html", HTML),
    "a proxy by HTTP/2": strangers.bad_gateway_by_http2,
    "no HTTP": strangers.saying(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "nothing": strangers.silence,
}


@pytest.fixture(params=["curl", "ext-grpc", "http"])
def transport(request: pytest.FixtureRequest) -> PhpTransport:
    return TRANSPORTS[request.param]


def _failure(
    transport: PhpTransport, address: str, environment: Mapping[str, str] = ENVIRONMENT
) -> Told:
    told = run_program(
        "export", "--rows=1", address=address, transport=transport, environment=environment
    )
    return told[-1]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_is_told_from_the_service(transport: PhpTransport, stranger: str) -> None:
    with strangers.answering(STRANGERS[stranger]) as address:
        failed = _failure(transport, address)
    assert (failed["class"], failed["code"]) == ("UnreachableException", "UNREACHABLE"), failed
    assert failed["request_id"]
    assert failed["message"].isprintable()
    assert "Stack trace" not in failed["message"]


@pytest.mark.parametrize("stranger", ["a page", "another API", "a list", "no HTTP"])
def test_nothing_is_tried_again_where_no_service_is(stranger: str) -> None:
    with strangers.answering(STRANGERS[stranger]) as address:
        failed = _failure(TRANSPORTS["http"], address, PATIENT)
    assert failed["context"] == {"expected": "a Rowferry service"}
    assert "speaks no HTTP/1.1" in failed["message"] or "is no" in failed["message"]


@pytest.mark.parametrize("stranger", ["a proxy by HTTP/1.1", "nothing"])
def test_what_may_come_back_is_tried_again(stranger: str) -> None:
    with strangers.answering(STRANGERS[stranger]) as address:
        failed = _failure(TRANSPORTS["http"], address)
    assert failed["context"] == {}


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    for length in (5, 17, 40, whole.index(b"\r\n\r\n"), len(whole) - 1):
        with strangers.answering(strangers.saying_and_leaving(whole[:length])) as address:
            failed = _failure(TRANSPORTS["http"], address)
        assert (failed["code"], failed["context"]) == ("UNREACHABLE", {}), (length, failed)


def test_an_answer_with_fields_behind_its_body_is_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked"
    trailed = head + b"\r\n\r\n2\r\n{}\r\n0\r\nserver-timing: total\r\n\r\n"
    with strangers.answering(strangers.saying(trailed)) as address:
        failed = _failure(TRANSPORTS["http"], address, PATIENT)
    assert failed["context"] == {"expected": "a Rowferry service"}
