"""The formats there are, by name; more can be registered while the service is put together."""

from collections.abc import Mapping
from typing import Protocol

from rowferry._core import CsvWriter, EncoderPool, XlsxWriter
from rowferry.domain.errors import invalid_metadata
from rowferry.domain.spec import ExportSpec, Format
from rowferry.ports import FileDigest, RowWriter
from rowferry.writers.core_files import CoreFileDigest, CoreFormat


class FileFormat(Protocol):
    """One format: what ``ports.RowWriters`` asks of all of them together."""

    def check(self, spec: ExportSpec) -> None:
        """Raise INVALID_METADATA for what the format can't do."""

    def extension(self, spec: ExportSpec) -> str:
        """Give the file's extension with its dot."""

    def content_type(self, spec: ExportSpec) -> str:
        """Give the file's media type."""

    def open(self, spec: ExportSpec, path: str) -> RowWriter:
        """Create the file with its header."""


class WriterRegistry:
    """A ``ports.RowWriters`` that looks the format up."""

    def __init__(self, formats: Mapping[Format, FileFormat]) -> None:
        self._formats = dict(formats)

    def register(self, name: Format, file_format: FileFormat) -> None:
        """Add or replace a format."""
        self._formats[name] = file_format

    def check(self, spec: ExportSpec) -> None:
        """Raise INVALID_METADATA unless a writer can do what the request asks for."""
        self._format(spec).check(spec)

    def extension(self, spec: ExportSpec) -> str:
        """Give the file's extension with its dot."""
        return self._format(spec).extension(spec)

    def content_type(self, spec: ExportSpec) -> str:
        """Give the file's media type."""
        return self._format(spec).content_type(spec)

    def open(self, spec: ExportSpec, path: str) -> RowWriter:
        """Create the file with its header."""
        return self._format(spec).open(spec, path)

    def open_digest(self, path: str) -> FileDigest:
        """Open a finished file to hash it."""
        return CoreFileDigest(path)

    def _format(self, spec: ExportSpec) -> FileFormat:
        found = self._formats.get(spec.format)
        if found is None:
            names = ", ".join(sorted(self._formats))
            message = f"There is no writer for {spec.format}."
            raise invalid_metadata("format", message, expected=names, got=spec.format)
        return found


def core_formats(encoder_threads: int) -> dict[Format, FileFormat]:
    """Give the formats that the core writes; all their files share ``encoder_threads``."""
    pool = EncoderPool(encoder_threads)
    return {Format.EXCEL: CoreFormat(XlsxWriter, pool), Format.CSV: CoreFormat(CsvWriter, pool)}
