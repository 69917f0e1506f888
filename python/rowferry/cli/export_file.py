"""`rowferry export`: a CSV file, or standard input, goes to a service; a file comes out."""

import csv
import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import trio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from rowferry.cli.connection_options import Connection
from rowferry.cli.documents import document, human_bytes
from rowferry.cli.outcome import CommandError, ExitCode, print_json, reported, usage_error
from rowferry.cli.session import run_command
from rowferry.client.batches import CsvSyntaxError, CsvText
from rowferry.client.downloads import DownloadError, download
from rowferry.client.service_calls import ServiceCalls
from rowferry.v1 import export_pb2 as pb

STANDARD_INPUT: Final = "-"
FORMATS: Final = {"xlsx": pb.EXCEL, "csv": pb.CSV}
_READ_BYTES: Final = 256 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """What the command was asked for, unchecked."""

    source: str
    file_format: str
    filename: str | None
    column_types: str | None
    request_id: str | None
    output: Path | None


def export_file(order: ExportOrder, connection: Connection, *, as_json: bool) -> None:
    """Stream the source, print the result; exit with 1 unless there is a file."""
    try:
        if order.file_format not in FORMATS:
            raise usage_error(f"--format is {' or '.join(FORMATS)}, not {order.file_format!r}.")
        with _open_source(order.source) as source:
            result = run_command(
                lambda client: _export(client, order, source, connection.tls_ca, as_json=as_json),
                connection,
                as_json=as_json,
            )
    except CommandError as exc:
        raise reported(exc, as_json=as_json) from exc
    _show(result, order.output, as_json=as_json)


async def _export(
    client: ServiceCalls,
    order: ExportOrder,
    source: IO[bytes],
    ca_file: str | None,
    *,
    as_json: bool,
) -> pb.ExportResult:
    pieces = _Pieces(source, may_be_left=order.source == STANDARD_INPUT)
    text = CsvText(pieces.read)
    try:
        metadata = _metadata(order, await text.header())
        with _progress(pieces, quiet=as_json) as show:
            result = await client.export(metadata, text, on_ack=lambda ack: show(ack.rows))
    except CsvSyntaxError as exc:
        raise CommandError(ExitCode.EXPORT_FAILED, "INVALID_ROW", str(exc)) from exc
    if result.status == pb.COMPLETED and order.output is not None:
        await _download(result, order.output, ca_file)
    return result


class _Pieces:
    """Reads a file piece by piece in a thread of its own limiter, and counts."""

    def __init__(self, source: IO[bytes], *, may_be_left: bool) -> None:
        self._source = source
        self._limiter = trio.CapacityLimiter(1)
        # Only a pipe's or a terminal's reader may be left behind: it can block for ever.
        self._may_be_left = may_be_left
        self.bytes_read = 0

    async def read(self) -> bytes:
        piece = await trio.to_thread.run_sync(
            self._read, limiter=self._limiter, abandon_on_cancel=self._may_be_left
        )
        self.bytes_read += len(piece)
        return piece

    @property
    def size_bytes(self) -> int | None:
        """The size of the source, None if it is a pipe."""
        return None if self._may_be_left else Path(self._source.name).stat().st_size

    def _read(self) -> bytes:
        # Not the file object's own read: a reader left behind holds its lock, and the
        # interpreter aborts at exit when it can't take that.
        return os.read(self._source.fileno(), _READ_BYTES)


def _metadata(order: ExportOrder, header: bytes) -> pb.ExportMetadata:
    """Name the columns as the header does."""
    try:
        names = next(csv.reader([header.decode()], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as exc:
        raise usage_error(f"The input has no header in CSV and UTF-8: {exc}.") from exc
    if not names:
        raise usage_error("The input is empty: its first line names the columns.")
    columns = [
        pb.ColumnDefinition(name=name, data_type=data_type)
        for name, data_type in zip(names, _types(order.column_types, len(names)), strict=True)
    ]
    return pb.ExportMetadata(
        request_id=order.request_id or uuid.uuid4().hex,
        format=FORMATS[order.file_format],
        filename=order.filename or _filename(order),
        columns=columns,
    )


def _types(column_types: str | None, count: int) -> Sequence[str]:
    if column_types is None:
        return ["STRING"] * count
    known = list(pb.DataType.keys())
    words = [word.strip().upper() for word in column_types.split(",")]
    for word in words:
        if word not in known:
            raise usage_error(f"{word!r} is no column type; there are {', '.join(known)}.")
    if len(words) != count:
        raise usage_error(f"The file has {count} columns, --column-types names {len(words)}.")
    return words


def _filename(order: ExportOrder) -> str:
    stem = "export" if order.source == STANDARD_INPUT else Path(order.source).stem
    return f"{stem}.{order.file_format}"


async def _download(result: pb.ExportResult, output: Path, ca_file: str | None) -> None:
    limiter = trio.CapacityLimiter(1)
    try:
        await trio.to_thread.run_sync(
            lambda: download(
                result.oss_url, output, sha256=result.checksum_sha256, ca_file=ca_file
            ),
            limiter=limiter,
        )
    except DownloadError as exc:
        raise CommandError(ExitCode.EXPORT_FAILED, "DOWNLOAD_FAILED", str(exc)) from exc
    except OSError as exc:
        raise usage_error(f"{output}: {exc.strerror or exc}") from exc


def _show(result: pb.ExportResult, output: Path | None, *, as_json: bool) -> None:
    completed = result.status == pb.COMPLETED
    if as_json:
        print_json(document(result) | ({"output": str(output)} if output and completed else {}))
    elif completed:
        size = human_bytes(result.file_size_bytes)
        sys.stdout.write(f"{result.task_id}  {result.record_count:,} rows, {size}\n")
        sys.stdout.write(f"sha256  {result.checksum_sha256}\nlink    {result.oss_url}\n")
        if output:
            sys.stdout.write(f"file    {output}\n")
        for issue in result.fidelity:
            sys.stdout.write(f"note    {issue.cells:,} cells {issue.kind}\n")
    if completed:
        return
    if not as_json:
        code = result.error_code or pb.TaskState.Name(result.status)
        message = result.error_message or f"Task {result.task_id} has no file."
        context = dict(result.error_context)
        raise reported(CommandError(ExitCode.EXPORT_FAILED, code, message, context), as_json=False)
    raise SystemExit(ExitCode.EXPORT_FAILED)


@contextmanager
def _open_source(source: str) -> Iterator[IO[bytes]]:
    if source == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield file
    except OSError as exc:
        raise usage_error(f"{source}: {exc.strerror or exc}") from exc


@contextmanager
def _progress(pieces: _Pieces, *, quiet: bool) -> Iterator["_Show"]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
        yield _Show(progress, pieces)


class _Show:
    """Moves the bar: bytes of the source that were read, rows that the service keeps."""

    def __init__(self, progress: Progress, pieces: _Pieces) -> None:
        self._progress = progress
        self._pieces = pieces
        self._bar = progress.add_task("sending", total=pieces.size_bytes)

    def __call__(self, rows: int) -> None:
        self._progress.update(
            self._bar, completed=self._pieces.bytes_read, description=f"{rows:,} rows kept"
        )
