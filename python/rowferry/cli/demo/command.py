"""The demo's course: start a service, export twice, download, check, stop."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rowferry.cli.demo.rows import columns, rows
from rowferry.cli.demo.service_process import ServiceFailedError, ServiceProcess, run_service
from rowferry.cli.demo.verification import MismatchError, verify_csv, verify_xlsx
from rowferry.cli.documents import human_bytes
from rowferry.cli.outcome import CommandError, ExitCode, print_json, reported, usage_error
from rowferry.client import Client, ExportResult, Format, RowferryError, UnreachableError

_Verify = Callable[[Path, int, Callable[[int], None]], int]
_FORMATS: Final[tuple[tuple[Format, _Verify], ...]] = (
    (Format.XLSX, verify_xlsx),
    (Format.CSV, verify_csv),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFile:
    """A file that holds what was sent; the time is from the call to the link."""

    format: str
    path: str
    rows: int
    cells: int
    size_bytes: int
    sha256: str
    seconds: float
    rows_per_second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """What the demo found out."""

    files: tuple[VerifiedFile, ...]
    service_ready_bytes: int
    service_peak_bytes: int
    directory: str


def run_demo(*, rows: int, keep: Path | None, as_json: bool) -> None:
    """Run the demo and print its report; exit with 1 unless every cell is right."""
    directory = Path(keep or tempfile.mkdtemp(prefix="rowferry-demo-")).absolute()
    data_directory = directory / "data"
    try:
        with _progress(quiet=as_json) as progress:
            report = trio.run(_demo, rows, directory, data_directory, progress)
    except (RowferryError, MismatchError, ServiceFailedError, OSError) as exc:
        raise reported(_command_error(exc), as_json=as_json) from exc
    finally:
        if keep is None:
            shutil.rmtree(data_directory, ignore_errors=True)
    _show(report, as_json=as_json)


async def _demo(
    row_count: int, directory: Path, data_directory: Path, progress: Progress
) -> DemoReport:
    files = []
    async with run_service(data_directory) as service:
        async with Client(service.grpc, retry_for_seconds=0) as client:
            for file_format, verify in _FORMATS:
                course = _Course(client, row_count, directory / f"demo.{file_format}", progress)
                files.append(await course.run(file_format, verify))
        report = _report(tuple(files), service, directory)
        await service.stop()
    return report


class _Course:
    """One file from its rows to its check."""

    def __init__(self, client: Client, row_count: int, path: Path, progress: Progress) -> None:
        self._client = client
        self._row_count = row_count
        self._path = path
        self._progress = progress
        self._threads = trio.CapacityLimiter(1)

    async def run(self, file_format: Format, verify: _Verify) -> VerifiedFile:
        began = trio.current_time()
        result = await self._export(file_format)
        seconds = trio.current_time() - began
        await self._client.download(result, self._path)
        on_rows = self._bar(f"{file_format}: reading back")
        cells = await trio.to_thread.run_sync(
            lambda: verify(self._path, self._row_count, on_rows), limiter=self._threads
        )
        return VerifiedFile(
            format=file_format,
            path=str(self._path),
            rows=self._row_count,
            cells=cells,
            size_bytes=result.size_bytes,
            sha256=result.sha256,
            seconds=round(seconds, 3),
            rows_per_second=round(self._row_count / seconds),
        )

    async def _export(self, file_format: Format) -> ExportResult:
        on_rows = self._bar(f"{file_format}: streaming")
        return await self._client.export(
            rows(self._row_count),
            columns=columns(),
            format=file_format,
            filename=self._path.name,
            expected_rows=self._row_count,
            on_progress=lambda progress: on_rows(progress.rows_kept),
        )

    def _bar(self, description: str) -> Callable[[int], None]:
        bar = self._progress.add_task(description, total=self._row_count)
        return lambda rows: self._progress.update(bar, completed=rows)


def _report(
    files: tuple[VerifiedFile, ...], service: ServiceProcess, directory: Path
) -> DemoReport:
    return DemoReport(
        files=files,
        service_ready_bytes=service.resident_bytes_when_ready,
        service_peak_bytes=service.peak_resident_bytes(),
        directory=str(directory),
    )


def _show(report: DemoReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    for file in report.files:
        sys.stdout.write(
            f"{file.path}\n"
            f"  {file.rows:,} rows, {human_bytes(file.size_bytes)} in {file.seconds:.2f} s: "
            f"{file.rows_per_second:,} rows/s, this client included\n"
            f"  all {file.cells:,} cells are as sent; sha256 {file.sha256}\n"
        )
    ready, peak = map(human_bytes, (report.service_ready_bytes, report.service_peak_bytes))
    sys.stdout.write(f"memory of the service: {ready} when ready, {peak} at most\n")


def _command_error(failure: Exception) -> CommandError:
    match failure:
        case OSError():
            return usage_error(f"{failure.filename or 'The demo'}: {failure.strerror or failure}")
        case UnreachableError():
            return CommandError(ExitCode.UNREACHABLE, failure.code, failure.message)
        case RowferryError():
            code, context = failure.code, failure.context
            return CommandError(ExitCode.EXPORT_FAILED, code, failure.message, context)
        case ServiceFailedError():
            return CommandError(ExitCode.UNREACHABLE, "UNREACHABLE", str(failure))
        case _:
            return CommandError(ExitCode.EXPORT_FAILED, "MISMATCH", str(failure))


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
        yield progress
