"""CSV and XLSX: the core's writers, in the shape the use cases know."""

from rowferry._core import CoreError, CsvWriter, EncoderPool, Schema, XlsxWriter
from rowferry._core import FileChecksums as CoreChecksums
from rowferry._core import FileDigest as CoreDigest
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import FidelityIssue
from rowferry.ports import FileChecksums, FileSummary, RowWriter, Written


class CoreFileWriter:
    """A ``ports.RowWriter`` on one of the core's writers."""

    def __init__(self, writer: CsvWriter | XlsxWriter) -> None:
        self._writer = writer

    def write(self, frames: bytes) -> Written:
        """Write frames; tell how far the file is."""
        try:
            progress = self._writer.write(frames)
        except CoreError as error:
            raise _public_error(error) from error
        return Written(
            rows=progress.rows, file_bytes=progress.file_bytes, pending=progress.pending
        )

    def finish(self) -> FileSummary:
        """Complete the file."""
        try:
            summary = self._writer.finish()
        except CoreError as error:
            raise _public_error(error) from error
        issues = (
            FidelityIssue(kind=kind, cells=cells, first_row=row, first_column=column)
            for kind, cells, row, column in summary.fidelity
        )
        return FileSummary(
            rows=summary.rows,
            file_bytes=summary.file_bytes,
            checksums=summary.checksums and _checksums(summary.checksums),
            fidelity=tuple(issues),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()


class CoreFileDigest:
    """A ``ports.FileDigest`` by the core."""

    def __init__(self, path: str) -> None:
        try:
            self._digest = CoreDigest(path)
        except CoreError as error:
            raise _public_error(error) from error

    def advance(self, max_bytes: int) -> FileChecksums | None:
        """Read the next bytes."""
        try:
            found = self._digest.advance(max_bytes)
        except CoreError as error:
            raise _public_error(error) from error
        return found and _checksums(found)


class CoreFormat:
    """One format of the core: ``writer_class`` makes its files, ``pool`` helps to encode them."""

    def __init__(self, writer_class: type[CsvWriter | XlsxWriter], pool: EncoderPool) -> None:
        self._writer_class = writer_class
        self._pool = pool

    def check(self, spec: ExportSpec) -> None:
        """Raise INVALID_METADATA for options or columns that the writer can't do."""
        _schema(spec)

    def extension(self, spec: ExportSpec) -> str:
        """Give the file's extension with its dot."""
        return _schema(spec).extension

    def content_type(self, spec: ExportSpec) -> str:
        """Give the file's media type."""
        return _schema(spec).content_type

    def open(self, spec: ExportSpec, path: str) -> RowWriter:
        """Create the file with its header."""
        try:
            return CoreFileWriter(self._writer_class(_schema(spec), path, self._pool))
        except CoreError as error:
            raise _public_error(error) from error


def _checksums(found: CoreChecksums) -> FileChecksums:
    return FileChecksums(sha256=found.sha256, crc64=found.crc64)


def _schema(spec: ExportSpec) -> Schema:
    try:
        return Schema(spec.core_document())
    except CoreError as error:
        raise _public_error(error) from error


def _public_error(error: CoreError) -> RowferryError:
    return RowferryError(ErrorCode(error.code), error.message, error.context)
