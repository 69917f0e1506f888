"""A call's verdict is read out of its headers and trailers."""

import base64

import pytest
from google.rpc import error_details_pb2, status_pb2

from rowferry.client.call_status import check_response, check_trailers
from rowferry.client.errors import RowferryError


def details(**context: str) -> str:
    status = status_pb2.Status(code=3)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="X", metadata=context))
    return base64.b64encode(status.SerializeToString()).decode().rstrip("=")


def refusal(**trailers: str) -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        check_trailers({name.replace("_", "-"): value for name, value in trailers.items()})
    return caught.value


def test_status_zero_is_no_error() -> None:
    check_trailers({"grpc-status": "0"})


def test_a_refusal_has_code_message_and_context() -> None:
    error = refusal(
        grpc_status="3",
        grpc_message="row 2: %E6%BC%A2 100%25",
        rowferry_code="INVALID_ROW",
        grpc_status_details_bin=details(row="2", expected="3"),
    )
    assert (error.code, error.message) == ("INVALID_ROW", "row 2: 漢 100%")
    assert error.context == {"row": "2", "expected": "3"}


@pytest.mark.parametrize(
    ("status", "code"), [("5", "NOT_FOUND"), ("16", "UNAUTHENTICATED"), ("99", "STATUS_99")]
)
def test_without_a_rowferry_code_the_status_names_itself(status: str, code: str) -> None:
    assert refusal(grpc_status=status).code == code


@pytest.mark.parametrize("status", ["", "x", "²", "-1"])
def test_a_missing_or_odd_status_is_unknown(status: str) -> None:
    assert refusal(grpc_status=status).code == "UNKNOWN"


@pytest.mark.parametrize("broken", ["!", "AAA", details(a="b")[:9]])
def test_broken_details_do_not_hide_the_refusal(broken: str) -> None:
    error = refusal(grpc_status="3", rowferry_code="INVALID_ROW", grpc_status_details_bin=broken)
    assert (error.code, error.context) == ("INVALID_ROW", {})


def test_details_of_other_kinds_are_passed_over() -> None:
    status = status_pb2.Status()
    status.details.add().Pack(error_details_pb2.Help())
    encoded = base64.b64encode(status.SerializeToString()).decode()
    assert refusal(grpc_status="3", grpc_status_details_bin=encoded).context == {}


@pytest.mark.parametrize(
    "headers", [{":status": "404", "content-type": "application/grpc"}, {":status": "200"}]
)
def test_an_answer_that_is_not_grpc_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(RowferryError, match="does not speak gRPC"):
        check_response(headers)
