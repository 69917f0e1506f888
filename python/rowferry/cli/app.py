"""The commands and their options."""

from pathlib import Path
from typing import Annotated

import typer

from rowferry.cli.connection_options import Connection, connecting
from rowferry.cli.outcome import escape_unprintable, open_closed_streams

app = typer.Typer(
    name="rowferry",
    help="Rows stream in, CSV and XLSX files come out behind a link.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
_Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings: TOML, YAML or JSON.")
]
_TaskId = Annotated[str, typer.Argument(metavar="ID", help="The task's id.")]


_tokens = typer.Typer(help="Make, show and end the tokens of clients.", no_args_is_help=True)
app.add_typer(_tokens, name="token")


def main() -> None:
    """Run the command that the arguments name."""
    open_closed_streams()
    escape_unprintable()
    app()


def _version(asked: bool) -> None:  # noqa: FBT001  typer's callback
    if asked:
        from importlib.metadata import version

        typer.echo(f"rowferry {version('rowferry')}")
        raise typer.Exit


@app.callback()
def _common(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Rows stream in, CSV and XLSX files come out behind a link."""
    del version


@app.command()
def serve(config: _Config = None) -> None:
    """Run the service in the foreground; SIGTERM stops it in order."""
    from rowferry.cli.operation import serve

    serve(config)


@app.command("check-config")
def check_config(config: _Config = None, *, as_json: _Json = False) -> None:
    """Check the settings and show what is in force, secrets masked."""
    from rowferry.cli.operation import check_config

    check_config(config, as_json=as_json)


@app.command()
def migrate(config: _Config = None, *, as_json: _Json = False) -> None:
    """Bring the database to this version's schema; `serve` does it too."""
    from rowferry.cli.operation import migrate

    migrate(config, as_json=as_json)


@app.command()
def doctor(config: _Config = None, *, as_json: _Json = False) -> None:
    """Check settings, disks, database and storage; say what is wrong and what to do."""
    from rowferry.cli.doctor.command import examine

    examine(config, as_json=as_json)


@app.command()
def demo(
    *,
    rows: Annotated[int, typer.Option(min=1, help="Rows in each file.")] = 200_000,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Leave the files and the data here.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Run the main job end to end: start a service, stream rows, verify every cell."""
    from rowferry.cli.demo import run_demo

    run_demo(rows=rows, keep=keep, as_json=as_json)


@app.command()
@connecting
def export(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE|-", help="CSV, NDJSON or Parquet; - is standard input."),
    ],
    *,
    file_format: Annotated[
        str, typer.Option("--format", metavar="xlsx|csv", help="What to make.")
    ] = "xlsx",
    source_form: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="csv|ndjson|parquet", help="What FILE is; default: by its ending."
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHARACTER|tab", help="Of the CSV read; default: a comma."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the text read; default: UTF-8.")
    ] = None,
    no_header: Annotated[
        bool, typer.Option("--no-header", help="The first line is a row; needs --columns.")
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME,…", help="Default: as the header, object or schema."),
    ] = None,
    filename: Annotated[
        str | None, typer.Option(help="What the file is called; default: as FILE.")
    ] = None,
    column_types: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE,TYPE,…",
            help="STRING, NUMBER, DATE or BOOLEAN for each column; default: as FILE tells, or "
            "STRING.",
        ),
    ] = None,
    request_id: Annotated[
        str | None, typer.Option(help="Idempotency key: the same again goes on, not anew.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Download the file to here.")
    ] = None,
    connection: Connection,
    as_json: _Json = False,
) -> None:
    """Stream a file of rows, or standard input, into an XLSX or CSV file behind a link."""
    from rowferry.cli.export_order import order_of

    order = order_of(
        source=file,
        form=source_form,
        delimiter=delimiter,
        encoding=encoding,
        has_header=not no_header,
        columns=columns,
        file_format=file_format,
        filename=filename,
        column_types=column_types,
        request_id=request_id,
        output=output,
        as_json=as_json,
    )
    from rowferry.cli.export_file import export_file

    export_file(order, connection, as_json=as_json)


@app.command()
@connecting
def status(
    task_id: _TaskId,
    *,
    connection: Connection,
    as_json: _Json = False,
) -> None:
    """Show a task's state."""
    from rowferry.cli.tasks import show_status

    show_status(task_id, connection, as_json=as_json)


@app.command("list")
@connecting
def list_tasks(
    *,
    state: Annotated[
        list[str] | None, typer.Option(help="Only tasks in this state; may be given again.")
    ] = None,
    filename: Annotated[str, typer.Option(help="Only file names that hold this.")] = "",
    owner: Annotated[str, typer.Option(help="Only this end user's tasks.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="So many tasks at most.")] = 50,
    connection: Connection,
    as_json: _Json = False,
) -> None:
    """List tasks, newest first."""
    from rowferry.cli.tasks import TaskFilter, show_list

    wanted = TaskFilter(states=tuple(state or ()), filename=filename, owner=owner, limit=limit)
    show_list(wanted, connection, as_json=as_json)


@app.command()
@connecting
def watch(
    task_id: _TaskId,
    *,
    connection: Connection,
    as_json: _Json = False,
) -> None:
    """Follow a task until it ends; exit code 1 if it ends without a file."""
    from rowferry.cli.tasks import watch_task

    watch_task(task_id, connection, as_json=as_json)


@app.command()
@connecting
def cancel(
    task_id: _TaskId,
    *,
    reason: Annotated[str, typer.Option(help="Kept with the task.")] = "",
    connection: Connection,
    as_json: _Json = False,
) -> None:
    """Cancel a task."""
    from rowferry.cli.tasks import cancel_task

    cancel_task(task_id, reason, connection, as_json=as_json)


@app.command()
@connecting
def retry(
    task_id: _TaskId,
    *,
    connection: Connection,
    as_json: _Json = False,
) -> None:
    """Try a failed task again, from its provider or the rows that were kept."""
    from rowferry.cli.tasks import retry_task

    retry_task(task_id, connection, as_json=as_json)


@app.command()
@connecting
def delete(
    task_id: _TaskId,
    *,
    connection: Connection,
    as_json: _Json = False,
) -> None:
    """Delete an ended task's file and rows; its request id stays used."""
    from rowferry.cli.tasks import delete_task

    delete_task(task_id, connection, as_json=as_json)


@_tokens.command("create")
def create_token(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="One of security.clients.")],
    *,
    expires: Annotated[
        str | None, typer.Option(metavar="90d", help="Ends after so many d, h, m; default: never.")
    ] = None,
    note: Annotated[str, typer.Option(help="Kept with it: who has it, what for.")] = "",
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Make a token and print it, this once."""
    from rowferry.cli.tokens import create

    create(client, expires, note, config, as_json=as_json)


@_tokens.command("list")
def list_tokens(*, config: _Config = None, as_json: _Json = False) -> None:
    """List the tokens that were made: whose, since when, until when."""
    from rowferry.cli.tokens import show_list

    show_list(config, as_json=as_json)


@_tokens.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    *,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """End a token at once; running services notice within two seconds."""
    from rowferry.cli.tokens import revoke

    revoke(token_id, config, as_json=as_json)
