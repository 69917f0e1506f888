"""A stream becomes a file behind a link."""

import csv
import hashlib
import io
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from python_calamine import CalamineWorkbook

from rowferry.client import RowferryError
from rowferry.client.call import CallEnded
from rowferry.client.channel import open_channel
from rowferry.client.service_calls import ServiceCalls
from rowferry.doors import Addresses
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.record_batches import Row, encode_rows, row_batches

if TYPE_CHECKING:
    from tests.integration.service.conftest import OpenCall, RowCall

MakeMetadata = Callable[..., pb.ExportMetadata]
ROWS = 25_000


def _rows(count: int = ROWS) -> Iterator[Row]:
    return ((str(n), f"name {n}" if n % 3 else None) for n in range(count))


def _cells(content: bytes, file_format: pb.Format) -> list[list[str]]:
    if file_format == pb.CSV:
        return list(csv.reader(io.StringIO(content.decode(), newline="")))
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    return [[str(int(c)) if isinstance(c, float) else str(c) for c in row] for row in rows]


@pytest.mark.parametrize("file_format", [pb.CSV, pb.EXCEL], ids=pb.Format.Name)
async def test_rows_that_came_are_the_rows_of_the_file(
    client: ServiceCalls,
    make_metadata: MakeMetadata,
    download: Callable[[str], Awaitable[tuple[bytes, str]]],
    file_format: pb.Format,
) -> None:
    acks: list[pb.BatchAck] = []
    metadata = make_metadata(format=file_format, filename="Bestellungen für März")
    result = await export_batches(client, metadata, row_batches(_rows()), on_ack=acks.append)
    assert (result.status, result.record_count) == (pb.COMPLETED, ROWS)
    assert (acks[-1].batch_sequence, acks[-1].rows) == (25, ROWS)
    content, disposition = await download(result.oss_url)
    assert hashlib.sha256(content).hexdigest() == result.checksum_sha256
    assert len(content) == result.file_size_bytes
    assert "filename*=UTF-8''Bestellungen%20f%C3%BCr%20M%C3%A4rz" in disposition
    expected = [["id", "name"], *[[row[0] or "", row[1] or ""] for row in _rows()]]
    assert _cells(content, file_format) == expected


async def test_options_decide_the_cells_and_result_and_status_tell_of_those_that_changed(
    client: ServiceCalls,
    make_metadata: MakeMetadata,
    download: Callable[[str], Awaitable[tuple[bytes, str]]],
) -> None:
    metadata = make_metadata(
        format=pb.CSV,
        columns=[
            pb.ColumnDefinition(name="day", data_type=pb.DATE, format="epoch_s"),
            pb.ColumnDefinition(name="text"),
        ],
        options=pb.FormatOptions(
            timezone="Asia/Shanghai", injection_guard="quote", csv_null="NULL", preset="unix"
        ),
    )
    rows: list[Row] = [("1700000000", None), ("0", "=1+1"), ("999999999999", "@x")]
    result = await export_batches(client, metadata, row_batches(rows))
    content, _ = await download(result.oss_url)
    assert content.decode().splitlines() == [
        "day,text",
        "2023-11-15 06:13:20,NULL",
        "1970-01-01 08:00:00,'=1+1",
        "999999999999,'@x",
    ]
    expected = [
        pb.FidelityIssue(kind="kept_as_text", cells=1, first_row=3, first_column=0),
        pb.FidelityIssue(kind="neutralised", cells=2, first_row=2, first_column=1),
    ]
    assert list(result.fidelity) == expected
    status = await client.status(result.task_id)
    assert list(status.fidelity) == expected


async def test_nothing_but_the_file_stays(
    client: ServiceCalls,
    make_metadata: MakeMetadata,
    data_directory: Path,
    remains: Callable[[], list[str]],
) -> None:
    result = await export_batches(client, make_metadata(), row_batches(_rows()))
    assert remains() == []
    sizes = [p.stat().st_size for p in (data_directory / "files").rglob("*") if p.is_file()]
    assert result.file_size_bytes in sizes


async def test_answer_comes_at_once_on_demand(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    result = await export_batches(client, make_metadata(wait_seconds=-1), row_batches(_rows()))
    assert result.task_id
    async with client.watch(result.task_id, min_interval_ms=50) as states:
        seen = [state.status async for state in states]
    assert seen[-1] == pb.COMPLETED


async def test_same_request_again_gives_the_same_file(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    first = await export_batches(client, make_metadata(), row_batches(_rows()))
    again = await export_batches(client, make_metadata(), row_batches(_rows()))
    assert (again.task_id, again.oss_url) == (first.task_id, first.oss_url)
    assert len((await client.list(pb.ListTasksRequest())).tasks) == 1


async def test_same_id_for_another_request_is_a_conflict(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    await export_batches(client, make_metadata(), row_batches(_rows()))
    with pytest.raises(RowferryError) as caught:
        await export_batches(client, make_metadata(filename="other"), row_batches(_rows()))
    assert caught.value.code == "IDEMPOTENCY_CONFLICT"


async def test_upload_answers_with_the_result_alone(
    addresses: Addresses, make_metadata: MakeMetadata
) -> None:
    host, _, port = addresses.grpc.rpartition(":")
    async with (
        open_channel(host, int(port)) as channel,
        channel.call("/rowferry.v1.ExportService/Upload") as call,
    ):
        for request in (
            pb.ExportRequest(metadata=make_metadata()),
            pb.ExportRequest(batch=pb.RecordBatch.FromString(encode_rows(_rows(10), 1))),
            pb.ExportRequest(finish=pb.Finish(expected_rows=10)),
        ):
            await call.send(request.SerializeToString())
        await call.end()
        answer = await call.receive()
        assert answer is not None
        result = pb.ExportResult.FromString(answer)
        assert (result.status, result.record_count) == (pb.COMPLETED, 10)
        assert await call.receive() is None


# Clients that do not read while they write.


def _unnumbered(row: Row) -> bytes:
    """Encode a request with one row, which the service numbers."""
    batch = pb.RecordBatch.FromString(encode_rows([row], 0))
    return pb.ExportRequest(batch=batch).SerializeToString()


async def test_client_may_read_nothing_until_it_has_sent_all(
    call: "RowCall", make_metadata: MakeMetadata
) -> None:
    request = _unnumbered(("1", "a"))
    await call.send(metadata=make_metadata())
    for _ in range(20_000):
        await call.send_bytes(request)
    await call.end()
    result = await call.result()
    assert (result.status, result.record_count) == (pb.COMPLETED, 20_000)


async def test_failure_reaches_a_client_that_only_writes(
    call: "RowCall", make_metadata: MakeMetadata
) -> None:
    options = pb.FormatOptions(on_bad_value="fail")
    good, bad = _unnumbered(("1", "a")), _unnumbered(("many", "a"))
    await call.send(metadata=make_metadata(options=options))
    with suppress(CallEnded):
        for number in range(1, 20_001):
            await call.send_bytes(bad if number == 10_000 else good)
        await call.end()
    result = await call.result()
    assert (result.status, result.error_code) == (pb.FAILED, "INVALID_ROW")
    assert result.error_context["row"] == "10000"


# Acks.


async def test_acks_come_as_often_as_asked(call: "RowCall", make_metadata: MakeMetadata) -> None:
    await call.send(metadata=make_metadata(ack_every=10))
    await call.created()
    sequences = []
    for first in range(1, 31, 10):
        for sequence in range(first, first + 10):
            await call.send_batch(encode_rows([("1", "a")], sequence))
        sequences.append((await call.ack(first + 9)).batch_sequence)
    assert sequences == [10, 20, 30]


async def test_ack_that_is_not_due_comes_after_a_silence(
    call: "RowCall", make_metadata: MakeMetadata
) -> None:
    await call.send(metadata=make_metadata(ack_every=1000))
    await call.created()
    await call.send_batch(encode_rows([("1", "a"), ("2", "b")], 1))
    ack = await call.ack(1)
    assert (ack.batch_sequence, ack.rows) == (1, 2)


# Ends.


async def test_cancelled_task_ends_its_stream_and_leaves_no_file(
    client: ServiceCalls,
    call: "RowCall",
    make_metadata: MakeMetadata,
    remains: Callable[[], list[str]],
) -> None:
    await call.send(metadata=make_metadata())
    created = await call.created()
    await call.send_batch(encode_rows([("1", "a")], 1))
    await call.ack(1)
    status = await client.cancel(created.task_id, "enough")
    assert (status.status, status.cancel_reason) == (pb.CANCELLED, "enough")
    assert (await call.result()).status == pb.CANCELLED
    assert remains() == []


async def test_newest_connection_takes_the_task_over(
    addresses: Addresses, open_call: "OpenCall", make_metadata: MakeMetadata
) -> None:
    async with open_call(addresses) as older:
        await older.send(metadata=make_metadata())
        await older.created()
        await older.send_batch(encode_rows([("1", "a")], 1))
        await older.ack(1)
        async with open_call(addresses) as newer:
            await newer.send(metadata=make_metadata())
            created = await newer.created()
            assert (created.next_sequence, created.rows_received) == (2, 1)
            with pytest.raises(RowferryError) as caught:
                await older.result()
            assert caught.value.code == "INVALID_STATE"
            await newer.send_batch(encode_rows([("2", "b")], 2))
            await newer.end()
            assert (await newer.result()).record_count == 2


async def test_migration_makes_a_new_database(
    data_directory: Path,
    config: object,
    run_service: Callable[[object], AbstractAsyncContextManager[Addresses]],
    connect_to: Callable[[Addresses], AbstractAsyncContextManager[ServiceCalls]],
    make_metadata: MakeMetadata,
) -> None:
    (data_directory / "rowferry.db").unlink()
    async with run_service(config) as addresses, connect_to(addresses) as client:
        result = await export_batches(client, make_metadata(), row_batches(_rows(10)))
    assert result.status == pb.COMPLETED
