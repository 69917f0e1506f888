"""What each error code is on the wire: one table for gRPC, HTTP and WebSockets.

gRPC answers carry the code in the trailer ``rowferry-code`` and as ``google.rpc.ErrorInfo`` in
``grpc-status-details-bin`` (https://google.aip.dev/193).
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.wire.grpc_failure import (
    CallFailure,
    MalformedRequestError,
    MessageTooLargeError,
    ServerStoppingError,
    plain_translation,
)

ERROR_DOMAIN: Final = "rowferry"

# A WebSocket closes with 4000 + the HTTP status, but where RFC 6455 §7.4.1 has a code of its own.
_INTERNAL_ERROR: Final = 1011
_SERVICE_RESTART: Final = 1012  # https://www.iana.org/assignments/websocket
_PRIVATE_CODES: Final = 4000

_STATUSES: Final[Mapping[ErrorCode, tuple[Status, int]]] = MappingProxyType(
    {
        ErrorCode.INVALID_METADATA: (Status.INVALID_ARGUMENT, 400),
        ErrorCode.INVALID_ROW: (Status.INVALID_ARGUMENT, 400),
        ErrorCode.SEQUENCE_GAP: (Status.FAILED_PRECONDITION, 409),
        ErrorCode.IDEMPOTENCY_CONFLICT: (Status.ALREADY_EXISTS, 409),
        ErrorCode.INVALID_STATE: (Status.FAILED_PRECONDITION, 409),
        ErrorCode.ROW_COUNT_MISMATCH: (Status.FAILED_PRECONDITION, 409),
        ErrorCode.ROW_LIMIT: (Status.OUT_OF_RANGE, 413),
        ErrorCode.TOO_LARGE: (Status.RESOURCE_EXHAUSTED, 413),
        ErrorCode.QUEUE_FULL: (Status.RESOURCE_EXHAUSTED, 429),
        ErrorCode.QUEUE_TIMEOUT: (Status.DEADLINE_EXCEEDED, 503),
        ErrorCode.STREAM_IDLE: (Status.ABORTED, 408),
        ErrorCode.STREAM_LOST: (Status.ABORTED, 409),
        ErrorCode.DISK_FULL: (Status.RESOURCE_EXHAUSTED, 507),
        ErrorCode.WRITE_FAILED: (Status.INTERNAL, 500),
        ErrorCode.STORAGE_UNAVAILABLE: (Status.UNAVAILABLE, 503),
        ErrorCode.UPLOAD_FAILED: (Status.UNAVAILABLE, 503),
        ErrorCode.LEASE_EXPIRED: (Status.UNAVAILABLE, 503),
        ErrorCode.PROVIDER_FAILED: (Status.UNAVAILABLE, 502),
        ErrorCode.PROVIDER_REFUSED: (Status.FAILED_PRECONDITION, 422),
        ErrorCode.PROVIDER_TIMEOUT: (Status.DEADLINE_EXCEEDED, 504),
        ErrorCode.WRONG_NODE: (Status.UNAVAILABLE, 421),
        ErrorCode.DATABASE_UNAVAILABLE: (Status.UNAVAILABLE, 503),
        ErrorCode.CANCELLED: (Status.CANCELLED, 409),
        ErrorCode.NOT_FOUND: (Status.NOT_FOUND, 404),
        ErrorCode.UNAUTHENTICATED: (Status.UNAUTHENTICATED, 401),
        ErrorCode.FORBIDDEN: (Status.PERMISSION_DENIED, 403),
        ErrorCode.RATE_LIMITED: (Status.RESOURCE_EXHAUSTED, 429),
        ErrorCode.SHUTTING_DOWN: (Status.UNAVAILABLE, 503),
        ErrorCode.INTERNAL: (Status.INTERNAL, 500),
    }
)


def http_status(code: ErrorCode) -> int:
    """Give the HTTP status of a code."""
    return _STATUSES[code][1]


def close_code(code: ErrorCode) -> int:
    """Give the code that a WebSocket is closed with (RFC 6455 §7.4)."""
    if code is ErrorCode.SHUTTING_DOWN:
        return _SERVICE_RESTART
    status = http_status(code)
    is_ours = status == HTTPStatus.INTERNAL_SERVER_ERROR
    return _INTERNAL_ERROR if is_ours else _PRIVATE_CODES + status


def grpc_status(code: ErrorCode) -> Status:
    """Give the gRPC status of a code."""
    return _STATUSES[code][0]


def call_failure(error: Exception) -> CallFailure:
    """Tell what a client hears of a failed call; nothing of an unexpected error but INTERNAL."""
    known = _as_rowferry_error(error)
    if known is None:
        return plain_translation(error)
    return CallFailure(
        status=grpc_status(known.code), message=known.message, metadata=error_trailers(known)
    )


def _as_rowferry_error(error: Exception) -> RowferryError | None:
    """Give failures their codes; None for other statuses of gRPC."""
    known = client_error(error)
    return None if known.code is ErrorCode.INTERNAL and isinstance(error, GRPCError) else known


def client_error(error: Exception) -> RowferryError:
    """Tell what a client hears of any failure; nothing of an unexpected one but INTERNAL."""
    if isinstance(error, RowferryError):
        return error
    if isinstance(error, MessageTooLargeError | MalformedRequestError | ServerStoppingError):
        return transport_error(error)
    return RowferryError(ErrorCode.INTERNAL, "Something went wrong inside the service.")


def transport_error(
    error: MessageTooLargeError | MalformedRequestError | ServerStoppingError,
) -> RowferryError:
    """Give one of the transport's own failures its code."""
    if isinstance(error, MessageTooLargeError):
        context = {"max_message_bytes": error.limit_bytes}
        return RowferryError(ErrorCode.TOO_LARGE, f"{error.message}.", context)
    if isinstance(error, ServerStoppingError):
        message = "The service is shutting down: acknowledged rows are kept, resume later."
        return RowferryError(ErrorCode.SHUTTING_DOWN, message)
    return RowferryError(ErrorCode.INVALID_ROW, f"{error.message}.")


def error_trailers(error: RowferryError) -> dict[str, str | bytes]:
    """Give the trailing metadata that carries a code and its context."""
    return {"rowferry-code": error.code, "grpc-status-details-bin": _status_details(error)}


def _status_details(error: RowferryError) -> bytes:
    # imported with the first error: the messages cost a megabyte that a calm service saves
    from google.protobuf import any_pb2  # noqa: PLC0415
    from google.rpc import error_details_pb2, status_pb2  # noqa: PLC0415

    info = error_details_pb2.ErrorInfo(
        reason=error.code, domain=ERROR_DOMAIN, metadata=error.context
    )
    detail = any_pb2.Any()
    detail.Pack(info)
    status = status_pb2.Status(
        code=grpc_status(error.code).value, message=error.message, details=[detail]
    )
    return status.SerializeToString()
