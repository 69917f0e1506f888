"""Reading a call's request headers (gRPC over HTTP/2, "Requests")."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from grpclib.const import Handler, Status
from multidict import MultiDict

from rowferry.wire.grpc_compression import ACCEPTED_ENCODINGS
from rowferry.wire.h2_stream import Headers

GRPC_CONTENT_TYPE: Final = "application/grpc"

_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])")
_UNIT_SECONDS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_NOT_METADATA: Final = frozenset({"te", "content-type", "user-agent"})


class RequestRefusedError(Exception):
    """The call can't be started; carries both statuses of the answer.

    Anything but ``HTTPStatus.OK`` tells that the peer is no gRPC client.
    """

    def __init__(
        self, status: Status, message: str, *, http_status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.http_status = http_status


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """What the headers of a call say."""

    path: str
    method: Handler
    content_type: str
    encoding: str
    user_agent: str | None
    timeout_seconds: float | None
    # never in a repr, and so in no traceback that is logged: it holds credentials
    metadata: MultiDict[str | bytes] = field(repr=False)


def read_request(
    headers: Headers, methods: Mapping[str, Handler], *, content_subtype: str
) -> CallRequest:
    """Check and read request headers.

    Raises:
        RequestRefusedError: with the status the gRPC protocol names for the first fault found.

    """
    fields = dict(headers)
    content_type = _check_http(fields, content_subtype)
    method = methods.get(fields[":path"])
    if method is None:
        raise RequestRefusedError(Status.UNIMPLEMENTED, "there is no such method")
    encoding = fields.get("grpc-encoding", "identity")
    if encoding not in ACCEPTED_ENCODINGS:
        raise RequestRefusedError(Status.UNIMPLEMENTED, "the grpc-encoding is not supported")
    return CallRequest(
        path=fields[":path"],
        method=method,
        content_type=content_type,
        encoding=encoding,
        user_agent=fields.get("user-agent"),
        timeout_seconds=_timeout_seconds(fields.get("grpc-timeout")),
        metadata=_metadata(headers),
    )


def _check_http(fields: Mapping[str, str], content_subtype: str) -> str:
    """Return the content type of a request that a gRPC client may have sent."""
    if fields.get(":method") != "POST":
        raise RequestRefusedError(
            Status.INTERNAL, "gRPC needs POST", http_status=HTTPStatus.METHOD_NOT_ALLOWED
        )
    content_type = fields.get("content-type", "")
    kind, _, subtype = content_type.partition(";")[0].strip().partition("+")
    if kind != GRPC_CONTENT_TYPE or (subtype or "proto") != content_subtype:
        raise RequestRefusedError(
            Status.INTERNAL,
            f"the content type must be {GRPC_CONTENT_TYPE}+{content_subtype}",
            http_status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    if fields.get("te") != "trailers":
        raise RequestRefusedError(
            Status.INTERNAL,
            "the header te: trailers is missing, some proxy must have dropped it",
            http_status=HTTPStatus.BAD_REQUEST,
        )
    return content_type


def _timeout_seconds(value: str | None) -> float | None:
    """Read ``grpc-timeout``: at most 8 digits and a unit."""
    if value is None:
        return None
    match = _TIMEOUT.fullmatch(value)
    if match is None:
        raise RequestRefusedError(Status.INTERNAL, "the header grpc-timeout is malformed")
    return int(match[1]) * _UNIT_SECONDS[match[2]]


def _metadata(headers: Headers) -> MultiDict[str | bytes]:
    """Gather Custom-Metadata; one ``-bin`` header may hold several values between commas."""
    metadata: MultiDict[str | bytes] = MultiDict()
    for key, value in headers:
        if key.startswith((":", "grpc-")) or key in _NOT_METADATA:
            continue
        if key.endswith("-bin"):
            for part in value.split(","):
                metadata.add(key, _binary_value(part.strip()))
        else:
            metadata.add(key, value)
    return metadata


def _binary_value(value: str) -> bytes:
    """Decode base64, padded or not."""
    digits = value.rstrip("=")
    padding = "=" * (-len(digits) % 4)
    try:
        return base64.b64decode(digits + padding, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestRefusedError(Status.INTERNAL, "binary metadata is not base64") from error
