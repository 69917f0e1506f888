"""Each code has one status, and tells the client no more than it should."""

import pytest
from google.rpc import error_details_pb2, status_pb2
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.wire.error_status import call_failure, close_code, grpc_status, http_status
from rowferry.wire.grpc_failure import (
    CallFailure,
    DeadlineExceededError,
    MalformedRequestError,
    MessageTooLargeError,
    ServerStoppingError,
)


def _details(failure: CallFailure) -> tuple[status_pb2.Status, error_details_pb2.ErrorInfo]:
    encoded = failure.metadata["grpc-status-details-bin"]
    assert isinstance(encoded, bytes)
    status = status_pb2.Status.FromString(encoded)
    info = error_details_pb2.ErrorInfo()
    (detail,) = status.details
    assert detail.Unpack(info)
    return status, info


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_status_on_each_door(code: ErrorCode) -> None:
    assert grpc_status(code) is not Status.OK
    assert 400 <= http_status(code) < 600
    # RFC 6455 §7.4: what the protocol has, or what is left to applications
    assert close_code(code) in {1011, 1012} or 4400 <= close_code(code) < 4600


@pytest.mark.parametrize(
    ("code", "closed_with"),
    [
        (ErrorCode.INVALID_ROW, 4400),
        (ErrorCode.UNAUTHENTICATED, 4401),
        (ErrorCode.NOT_FOUND, 4404),
        (ErrorCode.SEQUENCE_GAP, 4409),
        (ErrorCode.TOO_LARGE, 4413),
        (ErrorCode.RATE_LIMITED, 4429),
        (ErrorCode.INTERNAL, 1011),
        (ErrorCode.SHUTTING_DOWN, 1012),
    ],
)
def test_websockets_close_with_codes_of_the_contract(code: ErrorCode, closed_with: int) -> None:
    assert close_code(code) == closed_with


@pytest.mark.parametrize("code", ErrorCode)
def test_trailers_carry_code_and_context(code: ErrorCode) -> None:
    failure = call_failure(RowferryError(code, "Größer als erlaubt.", {"row": 7, "got": "数"}))
    assert (failure.status, failure.message) == (grpc_status(code), "Größer als erlaubt.")
    assert failure.metadata["rowferry-code"] == code
    status, info = _details(failure)
    assert (status.code, status.message) == (failure.status.value, failure.message)
    assert (info.reason, info.domain) == (code, "rowferry")
    assert dict(info.metadata) == {"row": "7", "got": "数"}


def test_unexpected_error_tells_the_client_nothing() -> None:
    failure = call_failure(KeyError("password=hunter2"))
    assert failure.status is Status.INTERNAL
    assert failure.metadata["rowferry-code"] == "INTERNAL"
    status, info = _details(failure)
    assert "hunter2" not in failure.message + str(status) + str(info)


@pytest.mark.parametrize(
    ("error", "code", "context"),
    [
        (MessageTooLargeError(65_536), ErrorCode.TOO_LARGE, {"max_message_bytes": "65536"}),
        (MalformedRequestError("the request ended inside a message"), ErrorCode.INVALID_ROW, {}),
        (ServerStoppingError(), ErrorCode.SHUTTING_DOWN, {}),
    ],
)
def test_failures_of_the_transport_have_codes(
    error: GRPCError, code: ErrorCode, context: dict[str, str]
) -> None:
    failure = call_failure(error)
    assert failure.metadata["rowferry-code"] == code
    assert failure.status is grpc_status(code)
    assert dict(_details(failure)[1].metadata) == context


def test_other_statuses_of_grpc_pass_as_they_are() -> None:
    failure = call_failure(DeadlineExceededError())
    assert failure.status is Status.DEADLINE_EXCEEDED
    assert "rowferry-code" not in failure.metadata
