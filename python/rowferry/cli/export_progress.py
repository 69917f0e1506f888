"""The progress bar of `rowferry export`, on a terminal only."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from rowferry.cli.sources import InputFile
from rowferry.client import Progress


class ExportBar:
    """Moves a bar: bytes of the input that were read, then how much of the file is written."""

    def __init__(self, bars: Bars, file: InputFile, expected_rows: int) -> None:
        self._bars = bars
        self._file = file
        self._expected_rows = expected_rows
        self._began_rows: int | None = None
        self._bar = bars.add_task("sending", total=expected_rows or file.size_bytes)

    def __call__(self, progress: Progress) -> None:
        """Show how far an export is."""
        if progress.task is None:
            self._show_rows(progress)
        else:
            task = progress.task
            text = f"{task.state.value}: {task.rows:,} rows{_speed(task.rows_per_second)}"
            self._bars.update(self._bar, total=100, completed=task.percent, description=text)

    def end(self, rows: int) -> None:
        """Show that the file is there."""
        self._bars.update(
            self._bar, total=100, completed=100, description=f"{rows:,} rows kept, done"
        )

    def _show_rows(self, progress: Progress) -> None:
        if self._began_rows is None:
            self._began_rows = progress.rows_kept  # of an earlier try
        elapsed = self._bars.tasks[0].elapsed or 0.0
        rate = (progress.rows_kept - self._began_rows) / elapsed if elapsed > 1 else 0.0
        again = f", connected again {progress.reconnects}x" if progress.reconnects else ""
        self._bars.update(
            self._bar,
            completed=progress.rows_kept if self._expected_rows else self._file.bytes_read,
            description=f"{progress.rows_kept:,} rows kept{_speed(rate)}{again}",
        )


@contextmanager
def export_bar(file: InputFile, expected_rows: int, *, quiet: bool) -> Iterator[ExportBar]:
    """Show a bar on stderr for the block, if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, disable=quiet or not console.is_terminal) as bars:
        yield ExportBar(bars, file, expected_rows)


def _speed(rows_per_second: float) -> str:
    return f", {rows_per_second:,.0f} rows/s" if rows_per_second else ""
