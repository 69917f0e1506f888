"""Rows become a file."""

from dataclasses import dataclass
from typing import Protocol

from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import FidelityIssue


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChecksums:
    """What tells a whole file from any other: SHA-256 in lower-case hex, CRC-64/XZ."""

    sha256: str
    crc64: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary:
    """A finished file; ``checksums`` is None if they could not be had while it was written."""

    rows: int
    file_bytes: int
    checksums: FileChecksums | None
    fidelity: tuple[FidelityIssue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How far a file is.

    Whoever opens the file can read ``file_bytes`` of it. They stay as they are, but for those
    from the first up to the second of ``pending``.
    """

    rows: int
    file_bytes: int
    pending: tuple[int, int] | None


class RowWriter(Protocol):
    """Rows become a file: blocking, one call at a time."""

    def write(self, frames: bytes) -> Written:
        """Write what a RowSource gave; tell how far the file is."""

    def finish(self) -> FileSummary:
        """Complete the file; it is durable once it is in storage."""

    def close(self) -> None:
        """Let go of the file, finished or not; the caller removes it. Safe to call twice."""


class FileDigest(Protocol):
    """The checksums of a finished file, step by step: blocking, one call at a time."""

    def advance(self, max_bytes: int) -> FileChecksums | None:
        """Read about ``max_bytes`` more; once all are, give the checksums."""


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
