"""Commands about tasks."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from rowferry.cli.connection_options import Connection
from rowferry.cli.documents import document, human_bytes, lines
from rowferry.cli.outcome import ExitCode, print_json, print_text, usage_error
from rowferry.cli.session import run_command
from rowferry.client.service_calls import ServiceCalls
from rowferry.v1 import export_pb2 as pb

MAX_PAGE_SIZE: Final = 500
_PIPE_WIDTH: Final = 200  # columns of a table that no terminal limits


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks a list shows: newest first, ``limit`` at most."""

    states: tuple[str, ...]
    filename: str
    owner: str
    limit: int


def show_status(task_id: str, connection: Connection, *, as_json: bool) -> None:
    """Print a task."""

    async def ask(client: ServiceCalls) -> pb.TaskStatus:
        return await client.status(task_id)

    show_task(run_command(ask, connection, as_json=as_json), as_json=as_json)


def cancel_task(task_id: str, reason: str, connection: Connection, *, as_json: bool) -> None:
    """Cancel a task and print what became of it."""

    async def ask(client: ServiceCalls) -> pb.TaskStatus:
        return await client.cancel(task_id, reason)

    show_task(run_command(ask, connection, as_json=as_json), as_json=as_json)


def retry_task(task_id: str, connection: Connection, *, as_json: bool) -> None:
    """Try a failed task again and print it."""

    async def ask(client: ServiceCalls) -> pb.TaskStatus:
        return await client.retry(task_id)

    show_task(run_command(ask, connection, as_json=as_json), as_json=as_json)


def delete_task(task_id: str, connection: Connection, *, as_json: bool) -> None:
    """Delete an ended task's file and rows and print what is left."""

    async def ask(client: ServiceCalls) -> pb.TaskStatus:
        return await client.delete(task_id)

    show_task(run_command(ask, connection, as_json=as_json), as_json=as_json)


def show_list(wanted: TaskFilter, connection: Connection, *, as_json: bool) -> None:
    """Print a table of tasks, or one object a line."""

    async def ask(client: ServiceCalls) -> list[pb.TaskStatus]:
        return await _tasks(client, wanted)

    tasks = run_command(ask, connection, as_json=as_json)
    if not as_json:
        _print_table(tasks)
        return
    for task in tasks:
        print_json(document(task))


def watch_task(task_id: str, connection: Connection, *, as_json: bool) -> None:
    """Follow a task to its end; exit with 1 if it has no file."""

    async def follow(client: ServiceCalls) -> pb.TaskStatus:
        last = pb.TaskStatus()
        with _progress(quiet=as_json) as (progress, bar):
            async with client.watch(task_id) as states:
                async for last in states:
                    if as_json:
                        print_json(document(last))
                    progress.update(
                        bar, completed=last.progress_percent, description=progress_line(last)
                    )
        return last

    last = run_command(follow, connection, as_json=as_json)
    if not as_json:
        show_task(last, as_json=False)
    if last.status != pb.COMPLETED:
        raise SystemExit(ExitCode.EXPORT_FAILED)


def progress_line(task: pb.TaskStatus) -> str:
    """Say in a few words how far a task is, and how fast."""
    line = f"{pb.TaskState.Name(task.status)} {task.records_processed:,} rows"
    return f"{line}, {task.rows_per_second:,.0f} rows/s" if task.rows_per_second else line


def show_task(task: pb.TaskStatus, *, as_json: bool) -> None:
    """Print a task's fields."""
    if as_json:
        print_json(document(task))
    else:
        print_text("".join(f"{line}\n" for line in lines(task)))


async def _tasks(client: ServiceCalls, wanted: TaskFilter) -> list[pb.TaskStatus]:
    states = list(_states(wanted.states))
    tasks: list[pb.TaskStatus] = []
    token = ""
    while len(tasks) < wanted.limit:
        request = pb.ListTasksRequest(
            states=states,
            filename_contains=wanted.filename,
            owner=wanted.owner,
            page_size=min(MAX_PAGE_SIZE, wanted.limit - len(tasks)),
            page_token=token,
        )
        page = await client.list(request)
        tasks += page.tasks
        token = page.next_page_token
        if not token:
            break
    return tasks


def _states(names: Iterable[str]) -> Iterator[str]:
    known = [name for name, number in pb.TaskState.items() if number]
    for name in names:
        if name.upper() not in known:
            raise usage_error(f"{name!r} is no state; there are {', '.join(known)}.")
        yield name.upper()


def _print_table(tasks: Iterable[pb.TaskStatus]) -> None:
    is_terminal, text = sys.stdout.isatty(), StringIO()
    width = None if is_terminal else _PIPE_WIDTH
    console = Console(file=text, force_terminal=is_terminal, width=width)
    table = Table(box=None, pad_edge=False)
    for header in ("id", "state", "rows", "size", "created", "file"):
        table.add_column(header, no_wrap=header == "id", overflow="fold")
    for task in tasks:
        table.add_row(
            task.task_id,
            pb.TaskState.Name(task.status),
            f"{task.records_processed:,}",
            human_bytes(task.file_size_bytes),
            task.created_time.ToJsonString(),
            task.filename,
        )
    console.print(table, markup=False)
    print_text(text.getvalue())


@contextmanager
def _progress(*, quiet: bool) -> Iterator[tuple[Progress, TaskID]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
        yield progress, progress.add_task("", total=100)
