"""Rows become a file."""

from dataclasses import dataclass
from typing import Protocol

from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import FidelityIssue


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary:
    """A finished file; ``sha256`` is None if it could not be had while the file was written."""

    rows: int
    file_bytes: int
    sha256: str | None
    fidelity: tuple[FidelityIssue, ...]


class RowWriter(Protocol):
    """Rows become a file: blocking, one call at a time."""

    def write(self, frames: bytes) -> tuple[int, int]:
        """Write what a RowSource gave; return rows and file bytes written so far."""

    def finish(self) -> FileSummary:
        """Complete the file; it is durable once it is in storage."""

    def close(self) -> None:
        """Let go of the file, finished or not; the caller removes it. Safe to call twice."""


class FileDigest(Protocol):
    """The SHA-256 of a finished file, step by step: blocking, one call at a time."""

    def advance(self, max_bytes: int) -> str | None:
        """Hash about ``max_bytes`` more; once all are, give the lower-case hex."""


class RowWriters(Protocol):
    """The formats there are."""

    def check(self, spec: ExportSpec) -> None:
        """Raise INVALID_METADATA unless a writer can do exactly what the request asks for."""

    def extension(self, spec: ExportSpec) -> str:
        """Give the file's extension with its dot: ``.xlsx``, ``.csv``, ``.csv.gz``."""

    def content_type(self, spec: ExportSpec) -> str:
        """Give the file's media type."""

    def open(self, spec: ExportSpec, path: str) -> RowWriter:
        """Create the file with its header: blocking; raise DISK_FULL or WRITE_FAILED."""

    def open_digest(self, path: str) -> FileDigest:
        """Open a finished file, which may be moved or removed meanwhile; blocking."""
