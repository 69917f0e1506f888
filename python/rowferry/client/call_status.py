"""What the end of a gRPC call says: fine, or why not."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from rowferry.client.errors import RowferryError, refusal

OK: Final = 0
_UNKNOWN: Final = 2
# The names of gRPC's status codes, by number (grpc/grpc doc/statuscodes.md).
_STATUS_NAMES: Final = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def check_trailers(trailers: Mapping[str, str]) -> None:
    """Raise RowferryError unless a call's trailers say OK."""
    text = trailers.get("grpc-status", "")
    number = int(text) if text.isascii() and text.isdigit() else _UNKNOWN
    if number == OK:
        return
    named = _STATUS_NAMES[number] if number < len(_STATUS_NAMES) else f"STATUS_{number}"
    message = unquote(trailers.get("grpc-message", "")) or "The server gave no reason."
    context = _error_context(trailers.get("grpc-status-details-bin", ""))
    raise refusal(trailers.get("rowferry-code", named), message, context)


def check_response(headers: Mapping[str, str]) -> None:
    """Raise RowferryError unless response headers are those of a gRPC answer."""
    status, kind = headers.get(":status", ""), headers.get("content-type", "")
    if status != "200" or not kind.startswith("application/grpc"):
        message = f"The server does not speak gRPC: HTTP status {status}, content type {kind!r}."
        raise RowferryError("UNKNOWN", message, {})


def _error_context(details: str) -> dict[str, str]:
    """Read the ErrorInfo's metadata out of a ``google.rpc.Status``, base64 without padding."""
    info = error_details_pb2.ErrorInfo()
    try:
        status = status_pb2.Status.FromString(
            base64.b64decode(details + "=" * (-len(details) % 4))
        )
        for detail in status.details:
            if detail.Unpack(info):
                return dict(info.metadata)
    except (binascii.Error, DecodeError):
        return {}  # details are extra: the code and the message are known without them
    return {}
