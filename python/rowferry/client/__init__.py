"""The Python client: exports, and what becomes of them; for trio, and blocking (``sync``).

::

    async with Client("127.0.0.1:9090") as client:
        result = await client.export(rows, columns=[Column("Id", "number"), "Name"])

It uses the wire contract only: nothing of the service is imported. docs/python.md tells more.
"""

from rowferry.client.client import Client
from rowferry.client.downloads import DownloadError
from rowferry.client.errors import (
    ConflictError,
    DeadlineExceededError,
    ExportFailedError,
    ForbiddenError,
    InvalidRequestError,
    InvalidRowError,
    LimitedError,
    NotFoundError,
    RowferryError,
    TlsError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
)
from rowferry.client.export import Export
from rowferry.client.home_process import ForkedError
from rowferry.client.results import ExportResult, FidelityIssue, Progress, Task
from rowferry.client.spec import Column, ColumnType, ExportOptions, Format, Stage, TaskState

__all__ = [
    "Client",
    "Column",
    "ColumnType",
    "ConflictError",
    "DeadlineExceededError",
    "DownloadError",
    "Export",
    "ExportFailedError",
    "ExportOptions",
    "ExportResult",
    "FidelityIssue",
    "ForbiddenError",
    "ForkedError",
    "Format",
    "InvalidRequestError",
    "InvalidRowError",
    "LimitedError",
    "NotFoundError",
    "Progress",
    "RowferryError",
    "Stage",
    "Task",
    "TaskState",
    "TlsError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnreachableError",
]
