"""What a failure of S3 means: its error codes, and boto3's exceptions, by what helps.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from rowferry.domain.errors import ErrorCode
from rowferry.domain.storage_fault import FaultKind, StorageFault

_KINDS: Final[Mapping[str, FaultKind]] = MappingProxyType(
    {
        "BadDigest": FaultKind.TRANSIENT,
        "ConditionalRequestConflict": FaultKind.TRANSIENT,
        "IncompleteBody": FaultKind.TRANSIENT,
        "InternalError": FaultKind.TRANSIENT,
        "InvalidDigest": FaultKind.TRANSIENT,
        "OperationAborted": FaultKind.TRANSIENT,
        "RequestTimeout": FaultKind.TRANSIENT,
        "ServiceUnavailable": FaultKind.TRANSIENT,
        "SlowDown": FaultKind.TRANSIENT,
        "Throttling": FaultKind.TRANSIENT,
        "TooManyRequests": FaultKind.TRANSIENT,
        "ExpiredToken": FaultKind.TOKEN_EXPIRED,
        "ExpiredTokenException": FaultKind.TOKEN_EXPIRED,
        "TokenRefreshRequired": FaultKind.TOKEN_EXPIRED,
        "NotImplemented": FaultKind.REFUSED,  # a 501, of servers that know less than S3
        "RequestTimeTooSkewed": FaultKind.CLOCK_SKEWED,
        "NoSuchUpload": FaultKind.UPLOAD_GONE,
        "InvalidPart": FaultKind.PART_LOST,
        "PreconditionFailed": FaultKind.ALREADY_THERE,
    }
)
_OF_THE_UPLOAD: Final = frozenset({FaultKind.UPLOAD_GONE, FaultKind.PART_LOST})
_CORRUPTED: Final = frozenset({"BadDigest", "IncompleteBody", "InvalidDigest"})
_NO_USE: Final = (
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
_SENTENCES: Final[Mapping[FaultKind, str]] = MappingProxyType(
    {
        FaultKind.TRANSIENT: "The storage can't do it at the moment.",
        FaultKind.TOKEN_EXPIRED: "The storage's credentials have expired.",
        FaultKind.CLOCK_SKEWED: "The clocks of this machine and of the storage differ too much.",
        FaultKind.UPLOAD_GONE: "The storage does not know the upload (any more).",
        FaultKind.PART_LOST: "The storage lacks parts of the upload.",
        FaultKind.ALREADY_THERE: "The object is there already.",
        FaultKind.REFUSED: "The storage refuses it.",
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise ``StorageFault`` for what boto3 raises, which stays its cause with all it says."""
    try:
        yield
    except ClientError as error:
        raise _answered(error.response) from error
    except _NO_USE as error:
        message = "The storage can't be asked: credentials or address are of no use."
        raise StorageFault(FaultKind.REFUSED, message, reason=type(error).__name__) from error
    except BotoCoreError as error:
        message = "The storage does not answer."
        raise StorageFault(FaultKind.TRANSIENT, message, reason=type(error).__name__) from error
    except OSError as error:
        message = "The finished file could not be read."
        raise StorageFault(FaultKind.REFUSED, message) from error


def _answered(response: Any) -> StorageFault:  # noqa: ANN401  an open document
    reason = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    kind = _KINDS.get(reason) or _kind_of_status(status)
    ours = kind in _OF_THE_UPLOAD or reason in _CORRUPTED
    return StorageFault(
        kind,
        _SENTENCES[kind],
        reason=reason,
        context={"http_status": status} if status else None,
        code=ErrorCode.UPLOAD_FAILED if ours else ErrorCode.STORAGE_UNAVAILABLE,
    )


def _kind_of_status(status: int) -> FaultKind:
    passing = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    if status in passing or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FaultKind.TRANSIENT
    return FaultKind.REFUSED
