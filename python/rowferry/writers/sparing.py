"""Writers that leave the disk some room: an export fails before everything else does."""

from rowferry.domain.spec import ExportSpec
from rowferry.free_space import FreeSpace
from rowferry.ports import FileDigest, FileSummary, RowWriter, RowWriters, Written


class SparingWriters:
    """A ``ports.RowWriters`` whose writers raise DISK_FULL before their disk is full."""

    def __init__(self, formats: RowWriters, free_space: FreeSpace) -> None:
        self._formats = formats
        self._free_space = free_space

    def check(self, spec: ExportSpec) -> None:
        """Raise INVALID_METADATA unless a writer can do exactly what the request asks for."""
        self._formats.check(spec)

    def extension(self, spec: ExportSpec) -> str:
        """Give the file's extension with its dot."""
        return self._formats.extension(spec)

    def content_type(self, spec: ExportSpec) -> str:
        """Give the file's media type."""
        return self._formats.content_type(spec)

    def open(self, spec: ExportSpec, path: str) -> RowWriter:
        """Create the file if there is room for one."""
        self._free_space.check(0)
        return _SparingWriter(self._formats.open(spec, path), self._free_space)

    def open_digest(self, path: str) -> FileDigest:
        """Open a finished file."""
        return self._formats.open_digest(path)


class _SparingWriter:
    """A ``ports.RowWriter`` that looks whether there is room for rows before it writes them.

    What a span of rows becomes in the file is hardly ever larger than the span.
    """

    def __init__(self, writer: RowWriter, free_space: FreeSpace) -> None:
        self._writer = writer
        self._free_space = free_space

    def write(self, frames: bytes) -> Written:
        """Write frames."""
        self._free_space.check(len(frames))
        return self._writer.write(frames)

    def finish(self) -> FileSummary:
        """Complete the file."""
        return self._writer.finish()

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()
