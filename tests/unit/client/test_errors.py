"""Each code is a class of errors, and errors travel whole between processes."""

import pickle

import pytest

from rowferry.client import (
    ConflictError,
    DeadlineExceededError,
    ExportFailedError,
    ForbiddenError,
    InvalidRequestError,
    InvalidRowError,
    LimitedError,
    NotFoundError,
    RowferryError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
)
from rowferry.client.downloads import DownloadError
from rowferry.client.errors import refusal
from rowferry.domain.errors import ErrorCode

CLASSES = {
    InvalidRequestError: {"INVALID_METADATA"},
    InvalidRowError: {"INVALID_ROW"},
    ConflictError: {
        "SEQUENCE_GAP",
        "IDEMPOTENCY_CONFLICT",
        "INVALID_STATE",
        "ROW_COUNT_MISMATCH",
    },
    NotFoundError: {"NOT_FOUND"},
    UnauthenticatedError: {"UNAUTHENTICATED"},
    ForbiddenError: {"FORBIDDEN"},
    LimitedError: {"ROW_LIMIT", "TOO_LARGE", "QUEUE_FULL", "RATE_LIMITED", "DISK_FULL"},
    UnavailableError: {
        "SHUTTING_DOWN",
        "STREAM_IDLE",
        "WRONG_NODE",
        "STORAGE_UNAVAILABLE",
        "DATABASE_UNAVAILABLE",
        "UPLOAD_FAILED",
        "LEASE_EXPIRED",
        "PROVIDER_FAILED",
    },
    ExportFailedError: {
        "PROVIDER_REFUSED",
        "PROVIDER_TIMEOUT",
        "STREAM_LOST",
        "QUEUE_TIMEOUT",
        "WRITE_FAILED",
        "CANCELLED",
    },
    RowferryError: {"INTERNAL"},
}


def test_every_code_of_the_service_has_its_class() -> None:
    found = {code.value: type(refusal(code, "", {})) for code in ErrorCode}
    assert found == {code: kind for kind, codes in CLASSES.items() for code in codes}


def test_a_code_that_nobody_knows_is_the_base_class() -> None:
    assert type(refusal("NEW_ONE", "", {})) is RowferryError


@pytest.mark.parametrize(
    "error",
    [
        InvalidRowError("INVALID_ROW", "Row 2 is none.", {"row": "2"}),
        UnreachableError("Nobody is there."),
        DownloadError("Gone."),
        DeadlineExceededError("DEADLINE_EXCEEDED", "Too late."),
    ],
)
def test_errors_go_through_a_queue_of_jobs(error: RowferryError) -> None:
    error.request_id = "report"
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  what was written a line before
    assert type(again) is type(error)
    assert (str(again), again.context, again.request_id) == (
        str(error),
        error.context,
        "report",
    )
