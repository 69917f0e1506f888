"""What OSS answers, in the words of ``StorageFault``.

Codes: https://www.alibabacloud.com/help/en/oss/user-guide/error-codes-overview
"""

from typing import Any, Final

from rowferry.domain.errors import ErrorCode
from rowferry.domain.storage_fault import FaultKind, StorageFault

_KINDS: Final = {
    "RequestTimeTooSkewed": FaultKind.CLOCK_SKEWED,
    "SecurityTokenExpired": FaultKind.TOKEN_EXPIRED,
    "InvalidSecurityToken": FaultKind.TOKEN_EXPIRED,
    "InvalidAccessKeyId": FaultKind.TOKEN_EXPIRED,  # of temporary keys that are forgotten by now
    "NoSuchUpload": FaultKind.UPLOAD_GONE,
    "InvalidPart": FaultKind.PART_LOST,
    "FileAlreadyExists": FaultKind.ALREADY_THERE,
    # these two come with status 400
    "RequestTimeout": FaultKind.TRANSIENT,
    "IncompleteBody": FaultKind.TRANSIENT,
}
_TRANSIENT_STATUSES: Final = frozenset({408, 429})
_SERVER_ERRORS: Final = 500
_OF_THE_UPLOAD: Final = frozenset(
    {FaultKind.UPLOAD_GONE, FaultKind.PART_LOST, FaultKind.ALREADY_THERE}
)
_SENTENCES: Final = {
    FaultKind.TRANSIENT: "The storage is busy.",
    FaultKind.TOKEN_EXPIRED: "The storage's credentials have expired.",
    FaultKind.CLOCK_SKEWED: "The storage's clock and this machine's differ too much.",
    FaultKind.UPLOAD_GONE: "There is no such upload.",
    FaultKind.PART_LOST: "The storage lacks parts of the upload.",
    FaultKind.ALREADY_THERE: "The object is there already.",
    FaultKind.REFUSED: "The storage refuses the request.",
}
_REFUSALS: Final = {
    "AccessDenied": "The storage's credentials may not do this.",
    "InvalidAccessKeyId": "The storage does not know these credentials.",
    "InvalidSecurityToken": "The storage refuses the token of these credentials.",
    "NoSuchBucket": "The bucket does not exist.",
    "PublicEndpointForbidden": "The bucket is not to be reached by this public endpoint.",
    "SecurityTokenExpired": "The storage's credentials have expired.",
    "SignatureDoesNotMatch": "The storage refuses the signature: a wrong secret or region.",
}


def fault_of_answer(error: Any, *, renewable: bool) -> StorageFault:  # noqa: ANN401  of oss2
    """Judge an error answer, a ServerError of oss2; ``renewable``: there may be other keys."""
    kind = _kind(error.status, error.code, renewable=renewable)
    sentence = _SENTENCES[kind]
    if kind is FaultKind.REFUSED:
        sentence = _REFUSALS.get(error.code, sentence)
    details = {"storage_request": error.request_id, "storage_detail": error.ec}
    return StorageFault(
        kind,
        sentence,
        reason=error.code or f"HTTP {error.status}",
        context={name: value for name, value in details.items() if value},
        code=ErrorCode.UPLOAD_FAILED if kind in _OF_THE_UPLOAD else ErrorCode.STORAGE_UNAVAILABLE,
    )


def _kind(status: int, code: str, *, renewable: bool) -> FaultKind:
    kind = _KINDS.get(code)
    if kind is FaultKind.TOKEN_EXPIRED and not renewable:
        return FaultKind.REFUSED
    if kind is not None:
        return kind
    if status >= _SERVER_ERRORS or status in _TRANSIENT_STATUSES:
        return FaultKind.TRANSIENT
    return FaultKind.REFUSED


def damaged() -> StorageFault:
    """Build the fault of bytes that arrived as others than were sent."""
    message = "The storage has other bytes than were sent."
    return StorageFault(FaultKind.TRANSIENT, message, code=ErrorCode.UPLOAD_FAILED)
