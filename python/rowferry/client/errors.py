"""How an export or a call fails: one tree of errors, by the service's stable codes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

UNREACHABLE: Final = "UNREACHABLE"


class RowferryError(Exception):
    """A call failed.

    ``code`` is Rowferry's stable code, or the gRPC status' name from a server that sends none;
    ``context`` says where and what (row, column, expected, got, …). With the ``request_id`` the
    same export can be taken up again; it and ``task_id`` are "" where the call had none.
    """

    def __init__(self, code: str, message: str, context: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message, context)  # its own arguments, so that it can be pickled
        self.code: Final = code
        self.message: Final = message
        self.context: Final = dict(context or {})
        self.task_id = self.context.get("task_id", "")
        self.request_id = self.context.get("request_id", "")

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class InvalidRequestError(RowferryError):
    """A field of the request can't be used; ``context["field"]`` names it."""


class InvalidRowError(RowferryError):
    """A row can't be taken; ``context`` has row (from 1), column (from 0), expected and got."""


class ConflictError(RowferryError):
    """The request and the task do not go together: its content, its state, its rows."""


class NotFoundError(RowferryError):
    """There is no such task or file."""


class UnauthenticatedError(RowferryError):
    """No token was shown, or none that works."""


class ForbiddenError(RowferryError):
    """The client is known and may not do this."""


class LimitedError(RowferryError):
    """A bound was reached: of the client's share, of size, of rows, of the service's disk."""


class UnavailableError(RowferryError):
    """The service can't do it now; the client has tried again in vain."""


class ExportFailedError(RowferryError):
    """The task ended without a file; the code says why."""


class DeadlineExceededError(RowferryError):
    """The time that the caller gave is over; what the service does goes on."""


class UnreachableError(RowferryError):
    """There is no connection to the service, or it broke before the answer was there."""

    def __init__(self, message: str) -> None:
        super().__init__(UNREACHABLE, message)
        self.args = (message,)


class TlsError(UnreachableError):
    """TLS could not be agreed on: by a certificate, mostly. Another try would not change that."""


_CLASSES: Final[Mapping[str, type[RowferryError]]] = MappingProxyType(
    {
        "INVALID_METADATA": InvalidRequestError,
        "INVALID_ROW": InvalidRowError,
        "SEQUENCE_GAP": ConflictError,
        "IDEMPOTENCY_CONFLICT": ConflictError,
        "INVALID_STATE": ConflictError,
        "ROW_COUNT_MISMATCH": ConflictError,
        "NOT_FOUND": NotFoundError,
        "UNAUTHENTICATED": UnauthenticatedError,
        "FORBIDDEN": ForbiddenError,
        "ROW_LIMIT": LimitedError,
        "TOO_LARGE": LimitedError,
        "QUEUE_FULL": LimitedError,
        "RATE_LIMITED": LimitedError,
        "DISK_FULL": LimitedError,
        "SHUTTING_DOWN": UnavailableError,
        "STREAM_IDLE": UnavailableError,
        "WRONG_NODE": UnavailableError,
        "STORAGE_UNAVAILABLE": UnavailableError,
        "DATABASE_UNAVAILABLE": UnavailableError,
        "UPLOAD_FAILED": UnavailableError,
        "LEASE_EXPIRED": UnavailableError,
        "PROVIDER_FAILED": UnavailableError,
        "PROVIDER_REFUSED": ExportFailedError,
        "PROVIDER_TIMEOUT": ExportFailedError,
        "STREAM_LOST": ExportFailedError,
        "QUEUE_TIMEOUT": ExportFailedError,
        "WRITE_FAILED": ExportFailedError,
        "CANCELLED": ExportFailedError,
        # A server in between that knows no code of Rowferry's has gRPC's own words.
        "INVALID_ARGUMENT": InvalidRequestError,
        "PERMISSION_DENIED": ForbiddenError,
        "RESOURCE_EXHAUSTED": LimitedError,
        "UNAVAILABLE": UnavailableError,
        "DEADLINE_EXCEEDED": DeadlineExceededError,
    }
)


def refusal(code: str, message: str, context: Mapping[str, str]) -> RowferryError:
    """Build the error of a refused call; a code that is not known makes the base class."""
    return _CLASSES.get(code, RowferryError)(code, message, context)
