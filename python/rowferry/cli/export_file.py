"""`rowferry export`: a file of rows, or standard input, goes to a service; a file comes out."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import trio

from rowferry.cli.connection_options import Connection
from rowferry.cli.documents import document, human_bytes
from rowferry.cli.export_order import ExportOrder
from rowferry.cli.export_progress import export_bar
from rowferry.cli.outcome import (
    CommandError,
    ExitCode,
    print_json,
    print_text,
    reported,
    usage_error,
)
from rowferry.cli.session import run_with_client
from rowferry.cli.sources import InputFile, Source, open_input, open_source
from rowferry.cli.sources.input_file import STANDARD_INPUT
from rowferry.cli.sources.row_lines import place_of_row
from rowferry.client import (
    Client,
    Column,
    ColumnType,
    ExportFailedError,
    ExportResult,
    Progress,
    RowferryError,
)
from rowferry.client.downloads import DownloadError
from rowferry.client.threaded_batches import ThreadedBatches
from rowferry.plain_nursery import open_plain_nursery
from rowferry.v1 import export_pb2 as pb

_INVALID_ROW: Final = "INVALID_ROW"


def export_file(order: ExportOrder, connection: Connection, *, as_json: bool) -> None:
    """Stream the source, print the result; exit with 1 unless there is a file."""
    try:
        with open_input(order.source) as file:
            run = _Run(order, file, as_json=as_json)
            result = run_with_client(run.export, connection, as_json=as_json)
    except CommandError as exc:
        raise reported(exc, as_json=as_json) from exc
    _show(result, order.output, as_json=as_json)


class _Run:
    """One export under way."""

    def __init__(self, order: ExportOrder, file: InputFile, *, as_json: bool) -> None:
        self._order = order
        self._file = file
        self._as_json = as_json
        self._limiter = trio.CapacityLimiter(1)
        # Only a pipe's or a terminal's reader may be left behind: it can block for ever.
        self._may_be_left = file.path is None
        self._rows_kept = 0

    async def export(self, client: Client) -> pb.ExportResult:
        """Send the rows and wait for the file; Ctrl+C says how to go on."""
        result: pb.ExportResult | None = None
        async with open_plain_nursery() as nursery:
            await nursery.start(self._interrupt, nursery.cancel_scope)
            result = await self._export(client)
            nursery.cancel_scope.cancel()
        if result is None:
            raise self._interrupted()
        return result

    async def _export(self, client: Client) -> pb.ExportResult:
        source = await trio.to_thread.run_sync(
            open_source,
            self._file,
            self._order.input,
            limiter=self._limiter,
            abandon_on_cancel=self._may_be_left,
        )
        try:
            result = await self._send(client, source)
        except ExportFailedError as exc:
            if not exc.task_id:
                raise
            return _failed(exc, (await client.status(exc.task_id)).state.name)
        except RowferryError as exc:
            raise await self._placed(exc) from exc
        if self._order.output is not None:
            await _download(client, result, self._order.output)
        return _message(result)

    async def _send(self, client: Client, source: Source) -> ExportResult:
        quiet = self._as_json
        order = self._order
        with export_bar(self._file, source.expected_rows, quiet=quiet) as show:

            def tell(progress: Progress) -> None:
                self._rows_kept = progress.rows_kept
                show(progress)

            async with client.open(
                on_progress=tell,
                columns=_typed(source.columns, order.column_types),
                format=order.file_format,
                filename=order.filename or _filename(order),
                request_id=order.request_id,
                expected_rows=source.expected_rows,
            ) as export:
                groups = source.groups(max_message_bytes=export.max_message_bytes)
                batches = ThreadedBatches(
                    groups, limiter=self._limiter, may_be_left=self._may_be_left
                )
                await export.write_packed(batches)
                result = await export.finish()
                show.end(result.rows)
                return result

    async def _interrupt(
        self, scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]
    ) -> None:
        with trio.open_signal_receiver(signal.SIGINT) as signals:
            task_status.started()
            async for _ in signals:
                scope.cancel()
                return

    def _interrupted(self) -> CommandError:
        message = f"Interrupted; the service has {self._rows_kept:,} rows. Go on with:\n  "
        message += f"{_command(self._order)}\nor cancel the task: `rowferry list` shows it."
        context = {"request_id": self._order.request_id, "rows_kept": str(self._rows_kept)}
        return CommandError(ExitCode.INTERRUPTED, "INTERRUPTED", message, context)

    async def _placed(self, failure: RowferryError) -> RowferryError:
        """Tell of a refused row on which line it stands, if the file can be read again."""
        path, row = self._file.path, failure.context.get("row", "")
        if failure.code == _INVALID_ROW and path is not None and row.isdigit():
            find = partial(place_of_row, path, self._order.input, int(row))
            # Files can be long; nothing is left behind by a reader who is.
            place = await trio.to_thread.run_sync(
                find, limiter=self._limiter, abandon_on_cancel=True
            )
            failure.context.update(place)
        failure.context["request_id"] = self._order.request_id
        return failure


def _typed(columns: Sequence[Column], column_types: str | None) -> Sequence[Column]:
    if column_types is None:
        return columns
    known = [kind.name for kind in ColumnType]
    words = [word.strip().upper() for word in column_types.split(",")]
    for word in words:
        if word not in known:
            raise usage_error(f"{word!r} is no column type; there are {', '.join(known)}.")
    if len(words) != len(columns):
        raise usage_error(
            f"The file has {len(columns)} columns, --column-types names {len(words)}."
        )
    return [
        replace(column, type=ColumnType[word]) for column, word in zip(columns, words, strict=True)
    ]


def _filename(order: ExportOrder) -> str:
    stem = "export" if order.source == STANDARD_INPUT else Path(order.source).stem
    readable = os.fsencode(stem).decode("utf-8", "replace")  # on disks names are bytes
    return f"{readable}.{order.file_format}"


def _command(order: ExportOrder) -> str:
    """Give the command that goes on: the same arguments, and the request's id."""
    given = sys.argv[1:]
    if "--request-id" not in given:
        given = [*given, "--request-id", order.request_id]
    return shlex.join(["rowferry", *given])


async def _download(client: Client, result: ExportResult, output: Path) -> None:
    try:
        await client.download(result, output)
    except DownloadError as exc:
        raise CommandError(ExitCode.EXPORT_FAILED, "DOWNLOAD_FAILED", exc.message) from exc
    except OSError as exc:
        raise usage_error(f"{output}: {exc.strerror or exc}") from exc


def _message(result: ExportResult) -> pb.ExportResult:
    """Give a finished export in the contract's words, which --json prints."""
    message = pb.ExportResult(
        task_id=result.task_id,
        status=pb.COMPLETED,
        oss_url=result.link,
        file_size_bytes=result.size_bytes,
        record_count=result.rows,
        rows_received=result.rows,
        progress_percent=100,
        checksum_sha256=result.sha256,
        fidelity=[
            pb.FidelityIssue(
                kind=issue.kind,
                cells=issue.cells,
                first_row=issue.first_row,
                first_column=issue.first_column,
            )
            for issue in result.fidelity
        ],
    )
    times = {
        "start_time": result.started,
        "completion_time": result.completed,
        "link_expires": result.link_expires,
        "file_expires": result.file_expires,
    }
    for name, moment in times.items():
        if moment is not None:
            getattr(message, name).FromDatetime(moment)
    return message


def _failed(failure: ExportFailedError, state: str) -> pb.ExportResult:
    return pb.ExportResult(
        task_id=failure.task_id,
        status=state,
        error_code=failure.code,
        error_message=failure.message,
        error_context=failure.context,
    )


def _lines(result: pb.ExportResult, output: Path | None) -> Iterator[str]:
    size = human_bytes(result.file_size_bytes)
    yield f"{result.task_id}  {result.record_count:,} rows, {size}"
    yield f"sha256  {result.checksum_sha256}"
    yield f"link    {result.oss_url}"
    if output:
        yield f"file    {output}"
    for issue in result.fidelity:
        yield f"note    {issue.cells:,} cells {issue.kind}"


def _show(result: pb.ExportResult, output: Path | None, *, as_json: bool) -> None:
    completed = result.status == pb.COMPLETED
    if as_json:
        print_json(document(result) | ({"output": str(output)} if output and completed else {}))
    elif completed:
        print_text("".join(f"{line}\n" for line in _lines(result, output)))
    if completed:
        return
    if not as_json:
        code = result.error_code or pb.TaskState.Name(result.status)
        message = result.error_message or f"Task {result.task_id} has no file."
        context = dict(result.error_context)
        raise reported(CommandError(ExitCode.EXPORT_FAILED, code, message, context), as_json=False)
    raise SystemExit(ExitCode.EXPORT_FAILED)
