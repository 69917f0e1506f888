"""Tables of Arrow through the Python client, and files through `rowferry export`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trio

from bench.dataset import COLUMNS, rows
from rowferry.client import Client, Column, ExportResult, InvalidRowError, sync
from tests.e2e.service_process import ServiceProcess, running_service

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

ROWS: Final = 200_000
DATASET: Final = [Column(name, kind) for name, kind in COLUMNS]
COMMAND: Final = (sys.executable, "-m", "rowferry", "export")
Send = Callable[..., ExportResult]


def send_blocking(address: str, table: Any, **spec: Any) -> ExportResult:  # noqa: ANN401
    with sync.Client(address) as client:
        return client.export(table, **spec)


def send_on_trio(address: str, table: Any, **spec: Any) -> ExportResult:  # noqa: ANN401
    async def run() -> ExportResult:
        async with Client(address) as client:
            return await client.export(table, **spec)

    return trio.run(run)


@pytest.fixture(params=[send_blocking, send_on_trio])
def send(request: pytest.FixtureRequest) -> Send:
    made: Send = request.param
    return made


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("tables")) as running:
        yield running


@pytest.fixture(scope="module")
def table() -> pa.Table:
    columns = zip(*rows(ROWS), strict=True)
    return pa.table([pa.array(cells) for cells in columns], [name for name, _ in COLUMNS])


@pytest.fixture(scope="module")
def sha256(service: ServiceProcess) -> str:
    """The file of the rows one by one."""
    with sync.Client(service.grpc) as client:
        return client.export(rows(ROWS), columns=DATASET, format="csv").sha256


def test_a_table_is_the_file_of_its_rows(
    service: ServiceProcess, send: Send, table: pa.Table, sha256: str
) -> None:
    for given in (table, pl.from_arrow(table)):
        result = send(service.grpc, given, columns=DATASET, format="csv")
        assert (result.rows, result.sha256) == (ROWS, sha256)


def test_a_table_survives_the_end_of_the_service(
    send: Send, table: pa.Table, sha256: str, tmp_path: Path
) -> None:
    with ExitStack() as services:
        first = services.enter_context(running_service(tmp_path))
        port = int(first.grpc.rsplit(":", 1)[1])

        def batches() -> Iterator[pa.RecordBatch]:
            for number, batch in enumerate(table.to_batches(max_chunksize=ROWS // 8)):
                if number == 4:
                    first.kill()
                    services.enter_context(running_service(tmp_path, {"server.port": port}))
                yield batch

        reader = pa.RecordBatchReader.from_batches(table.schema, batches())
        result = send(first.grpc, reader, columns=DATASET, format="csv")
    assert (result.rows, result.sha256) == (ROWS, sha256)


def test_a_refused_cell_of_a_table_names_row_and_column(
    service: ServiceProcess, send: Send
) -> None:
    with pytest.raises(InvalidRowError) as refused:
        send(service.grpc, pa.table({"A": ["x", "y"], "B": [1.0, float("nan")]}))
    assert (refused.value.context["row"], refused.value.context["column"]) == ("2", "1")
    assert refused.value.request_id


def run(service: ServiceProcess, *arguments: object) -> dict[str, Any]:
    command = [*COMMAND, *map(str, arguments), "--json", "--address", service.grpc]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    document: dict[str, Any] = json.loads(done.stdout)
    return document | {"exit_code": done.returncode}


def test_files_of_each_form_are_the_same_file(
    service: ServiceProcess, table: pa.Table, sha256: str, tmp_path: Path
) -> None:
    types = ("--column-types", ",".join(kind for _, kind in COLUMNS))
    names = ("--columns", ",".join(name for name, _ in COLUMNS))
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=30_000)
    with (tmp_path / "rows.ndjson").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows(ROWS))
    text = (tmp_path / "rows.txt").open("w", encoding="utf-16", newline="")
    with text as file:
        file.writelines(";".join(map(semicolon_field, row)) + "\r\n" for row in rows(ROWS))
    results = [
        run(service, tmp_path / "rows.parquet", "--format", "csv", *types),
        run(service, tmp_path / "rows.ndjson", "--format", "csv", *types, *names),
        run(
            service, tmp_path / "rows.txt", "--format", "csv", *types, *names, "--no-header",
            "--delimiter", ";", "--encoding", "utf-16",
        ),
    ]  # fmt: skip
    assert [result.get("checksum_sha256") for result in results] == [sha256] * 3


def semicolon_field(cell: str | None) -> str:
    if cell is None:
        return ""
    if any(character in cell for character in ';"\n') or not cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def test_a_refused_row_of_a_file_is_told_by_its_line(
    service: ServiceProcess, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('a,b\n"x\ny",2\n3\n')
    refused = run(service, file)
    assert refused["exit_code"] == 1
    assert refused["error"]["code"] == "INVALID_ROW"
    assert (refused["error"]["context"]["row"], refused["error"]["context"]["line"]) == ("2", "4")


def csv_pieces() -> Iterator[bytes]:
    names = ",".join(name for name, _ in COLUMNS)
    yield f"{names}\n".encode()
    remaining = rows(ROWS)
    while piece := list(islice(remaining, 1000)):
        lines = (",".join(map(comma_field, row)) + "\n" for row in piece)
        yield "".join(lines).encode()


def comma_field(cell: str | None) -> str:
    return semicolon_field(cell) if cell is None or "," not in cell else f'"{doubled(cell)}"'


def doubled(cell: str) -> str:
    return cell.replace('"', '""')


def test_a_command_survives_the_end_of_the_service(sha256: str, tmp_path: Path) -> None:
    types = ",".join(kind for _, kind in COLUMNS)
    with ExitStack() as services:
        first = services.enter_context(running_service(tmp_path))
        port = int(first.grpc.rsplit(":", 1)[1])
        with piped(first, "--column-types", types, "--json") as export:
            for number, piece in enumerate(csv_pieces()):
                if number == ROWS // 2000:
                    first.log.wait_for("TaskCreated")
                    first.kill()
                    services.enter_context(running_service(tmp_path, {"server.port": port}))
                input_of(export).write(piece)
            output, _ = export.communicate(timeout=60)
    result = json.loads(output)
    assert (export.returncode, result["checksum_sha256"]) == (0, sha256)


def test_an_interrupted_command_says_how_to_go_on(
    service: ServiceProcess, sha256: str, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"".join(csv_pieces()))
    types = ("--column-types", ",".join(kind for _, kind in COLUMNS))
    with piped(service, *types, "--request-id", "cut", "--filename", "rows.csv") as export:
        for piece in list(csv_pieces())[:50]:
            input_of(export).write(piece)
        input_of(export).flush()
        service.log.wait_for("TaskCreated", timeout_seconds=30)
        while not rows_received(service, "cut"):
            pass
        os.kill(export.pid, signal.SIGINT)
        _, message = export.communicate(timeout=30)
    assert export.returncode == 130
    assert b"INTERRUPTED" in message
    assert b"--request-id cut" in message
    again = ("--format", "csv", "--request-id", "cut", "--filename", "rows.csv")
    assert run(service, file, *types, *again)["checksum_sha256"] == sha256


def rows_received(service: ServiceProcess, request_id: str) -> int:
    with sync.Client(service.grpc) as client:
        tasks = [task for task in client.list() if task.request_id == request_id]
        return tasks[0].rows_received if tasks else 0


def piped(service: ServiceProcess, *arguments: str) -> subprocess.Popen[bytes]:
    command = [*COMMAND, "-", "--format", "csv", *arguments, "--address", service.grpc]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def input_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin
