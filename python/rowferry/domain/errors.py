"""One error type, stable codes: what a client sees of a failure, on every door.

A code never changes its meaning once released. ``wire/error_status.py`` maps each code to a gRPC
status, an HTTP status and a WebSocket close code; ``error_catalogue.py`` says what each means.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

RETRY_AFTER_SECONDS: Final = "retry_after_seconds"  # in the context: when to come again


class ErrorCode(StrEnum):
    """The stable code of a failure."""

    INVALID_METADATA = "INVALID_METADATA"
    INVALID_ROW = "INVALID_ROW"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    INVALID_STATE = "INVALID_STATE"
    ROW_COUNT_MISMATCH = "ROW_COUNT_MISMATCH"
    ROW_LIMIT = "ROW_LIMIT"
    TOO_LARGE = "TOO_LARGE"
    QUEUE_FULL = "QUEUE_FULL"
    QUEUE_TIMEOUT = "QUEUE_TIMEOUT"
    STREAM_IDLE = "STREAM_IDLE"
    STREAM_LOST = "STREAM_LOST"
    DISK_FULL = "DISK_FULL"
    WRITE_FAILED = "WRITE_FAILED"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    UPLOAD_FAILED = "UPLOAD_FAILED"
    LEASE_EXPIRED = "LEASE_EXPIRED"
    PROVIDER_FAILED = "PROVIDER_FAILED"
    PROVIDER_REFUSED = "PROVIDER_REFUSED"
    PROVIDER_TIMEOUT = "PROVIDER_TIMEOUT"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    CANCELLED = "CANCELLED"
    WRONG_NODE = "WRONG_NODE"
    NOT_FOUND = "NOT_FOUND"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    RATE_LIMITED = "RATE_LIMITED"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL = "INTERNAL"


class ErrorClass(StrEnum):
    """The kind of failure, which names the event that reports it."""

    VALIDATION = "validation"
    STREAM = "stream"
    WRITE = "write"
    STORAGE = "storage"
    UPLOAD = "upload"
    CONCURRENCY_LIMIT = "concurrency_limit"
    SYSTEM = "system"


class RowferryError(Exception):
    """A failure with a stable code.

    ``message`` is one public sentence; ``context`` says where and what (row, column, expected,
    got, …) as text. Neither ever holds secrets, stack traces or whole cell values: details for
    the log travel as the exception's ``__cause__``.
    """

    def __init__(
        self, code: ErrorCode, message: str, context: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
        self.context: Final[dict[str, str]] = {k: str(v) for k, v in (context or {}).items()}

    def without_origin(self) -> "RowferryError":
        """Give the same failure to be kept: an exception holds all that the calls it left held."""
        return RowferryError(self.code, self.message, self.context)

    def __repr__(self) -> str:
        return f"RowferryError({self.code}, {self.message!r}, {self.context!r})"


def rate_limited(message: str, retry_after_seconds: float) -> RowferryError:
    """Build the refusal of what a client may do again later."""
    context = {RETRY_AFTER_SECONDS: max(1, math.ceil(retry_after_seconds))}
    return RowferryError(ErrorCode.RATE_LIMITED, message, context)


def invalid_metadata(
    field: str, message: str, *, expected: object = "", got: object = ""
) -> RowferryError:
    """Build the refusal of one field of an export's metadata."""
    context = {"field": field}
    if expected != "":
        context["expected"] = str(expected)
    if got != "":
        context["got"] = clip(str(got))
    return RowferryError(ErrorCode.INVALID_METADATA, message, context)


def clip(text: str, limit: int = 40) -> str:
    """Shorten a client's text for an error's context: enough to recognise, never a whole cell."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
