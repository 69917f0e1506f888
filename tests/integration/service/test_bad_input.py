"""Bad input has its stable code before any effect, and the service goes on."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from rowferry.client import RowferryError
from rowferry.client.service_calls import ServiceCalls
from rowferry.config import Config
from rowferry.doors import Addresses
from rowferry.v1 import export_pb2 as pb
from tests.batch_export import export_batches
from tests.record_batches import encode_rows, row_batches

if TYPE_CHECKING:
    from tests.integration.service.conftest import Configure, OpenCall, RowCall, RunService

MakeMetadata = Callable[..., pb.ExportMetadata]
ConnectTo = Callable[[Addresses], AbstractAsyncContextManager[ServiceCalls]]
Remains = Callable[[], list[str]]
BATCH = encode_rows([("1", "a")], 1)
MAX_MESSAGE_BYTES = 1 << 16


@pytest.fixture
def config(configure: "Configure") -> Config:
    """Let nobody resume, so that a refused stream ends its task with the next tick."""
    return configure(
        server={"max_message_bytes": MAX_MESSAGE_BYTES, "idle_timeout_seconds": 1},
        spool={"resume_window_seconds": 0},
    )


async def _refusal(call: "RowCall") -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await call.result()
    return caught.value


async def _assert_service_goes_on(client: ServiceCalls, make_metadata: MakeMetadata) -> None:
    result = await export_batches(client, make_metadata("the next one"), row_batches([("1", "a")]))
    assert result.status == pb.COMPLETED


async def _final_status(client: ServiceCalls, task_id: str) -> pb.TaskStatus:
    async with client.watch(task_id, min_interval_ms=50) as states:
        return [state async for state in states][-1]


# Refused before anything is made of it.

SEPARATOR_NAMES = ("a/b", "a\\b", "a\0b", "..", "a..b", "", "   ")
UNKNOWN_TYPE = pb.ColumnDefinition(name="a")
UNKNOWN_TYPE.data_type = 99  # type: ignore[assignment]  # as a newer client would


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *[pytest.param({"filename": name}, "filename", id=repr(name)) for name in SEPARATOR_NAMES],
        ({"request_id": ""}, "request_id"),
        ({"columns": []}, "columns"),
        pytest.param({"format": 99}, "format", id="unknown format"),
        pytest.param({"format": 0}, "format", id="no format"),
        pytest.param({"columns": [UNKNOWN_TYPE]}, "columns[0].data_type", id="unknown type"),
        ({"options": pb.FormatOptions(csv_delimiter=";;")}, "options.csv_delimiter"),
        ({"options": pb.FormatOptions(csv_encoding="klingon")}, "options.csv_encoding"),
        ({"options": pb.FormatOptions(preset="lotus")}, "options.preset"),
        ({"tags": {"key": "<value>"}}, "tags"),
        ({"expected_rows": -1}, "expected_rows"),
        ({"sheets": [pb.SheetDefinition(name="a")]}, "sheets"),
    ],
    ids=str,
)
async def test_bad_metadata_is_refused_with_its_field_and_leaves_nothing(
    client: ServiceCalls,
    make_metadata: MakeMetadata,
    remains: Remains,
    changes: dict[str, object],
    field: str,
) -> None:
    with pytest.raises(RowferryError) as caught:
        await export_batches(client, make_metadata(**changes), row_batches([("1", "a")]))
    assert caught.value.code == "INVALID_METADATA"
    assert caught.value.context["field"] == field
    assert len((await client.list(pb.ListTasksRequest())).tasks) == 0
    assert remains() == []
    await _assert_service_goes_on(client, make_metadata)


async def test_too_many_columns_are_refused(
    client: ServiceCalls, make_metadata: MakeMetadata
) -> None:
    columns = [pb.ColumnDefinition()] * 16_385
    with pytest.raises(RowferryError) as caught:
        await export_batches(client, make_metadata(columns=columns), [])
    assert caught.value.code == "INVALID_METADATA"
    assert caught.value.context["got"] == "16385"


@pytest.mark.parametrize("first", ["batch", "finish", "nothing", "an empty message"])
async def test_stream_that_does_not_begin_with_metadata_is_refused(
    client: ServiceCalls, call: "RowCall", make_metadata: MakeMetadata, first: str
) -> None:
    if first == "batch":
        await call.send_batch(BATCH)
    elif first == "finish":
        await call.send(finish=pb.Finish(expected_rows=1))
    elif first == "an empty message":
        await call.send_bytes(b"")
    await call.end()
    refused = await _refusal(call)
    assert (refused.code, refused.context["got"]) == ("INVALID_METADATA", first)
    await _assert_service_goes_on(client, make_metadata)


@pytest.mark.parametrize("task_id", ["0" * 32, "../../etc/passwd", ""])
async def test_unknown_task_can_not_be_resumed(
    client: ServiceCalls, call: "RowCall", make_metadata: MakeMetadata, task_id: str
) -> None:
    await call.send(resume=pb.Resume(task_id=task_id))
    assert (await _refusal(call)).code == "NOT_FOUND"
    for ask in (client.status(task_id), client.cancel(task_id)):
        with pytest.raises(RowferryError) as caught:
            await ask
        assert caught.value.code == "NOT_FOUND"
    await _assert_service_goes_on(client, make_metadata)


async def test_truncated_metadata_is_refused(
    client: ServiceCalls, call: "RowCall", make_metadata: MakeMetadata
) -> None:
    whole = pb.ExportRequest(metadata=make_metadata()).SerializeToString()
    await call.send_bytes(whole[:-3])
    assert (await _refusal(call)).code == "INVALID_ROW"
    await _assert_service_goes_on(client, make_metadata)


# Refused in the middle: the task ends with the same code when nobody comes back.


def _request(batch: bytes) -> bytes:
    return pb.ExportRequest(batch=pb.RecordBatch.FromString(batch)).SerializeToString()


def _not_utf8() -> bytes:
    return _request(encode_rows([("2", "ab")], 2)).replace(b"ab", b"\xff\xfe")


TWO_PAYLOADS = _request(encode_rows([("2", "b")], 2)) + b"\x1a\x00"
SECOND_METADATA = pb.ExportRequest(metadata=pb.ExportMetadata(request_id="b")).SerializeToString()


@dataclass(frozen=True)
class Refused:
    """What a refusal says."""

    code: str
    context: dict[str, str] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        pytest.param(
            SECOND_METADATA, Refused("INVALID_METADATA", {"got": "metadata"}), id="metadata"
        ),
        pytest.param(
            _request(encode_rows([("2", "b"), ("3", "c", "d")], 2)),
            Refused("INVALID_ROW", {"row": "3", "expected": "2 values", "got": "3 values"}),
            id="too wide",
        ),
        pytest.param(_not_utf8(), Refused("INVALID_ROW", {"row": "2"}), id="not UTF-8"),
        pytest.param(_request(BATCH)[:-2], Refused("INVALID_ROW"), id="truncated message"),
        pytest.param(b"\x12\x04\x0a\x7fab", Refused("INVALID_ROW"), id="truncated batch"),
        pytest.param(
            _request(encode_rows([("2", "b")], 3)),
            Refused("SEQUENCE_GAP", {"expected": "2", "got": "3"}),
            id="gap",
        ),
        pytest.param(
            _request(encode_rows([("2", "b")], -1)), Refused("INVALID_METADATA"), id="negative"
        ),
        pytest.param(
            _request(encode_rows([("2", "b")], 0)), Refused("INVALID_METADATA"), id="unnumbered"
        ),
        pytest.param(
            _request(encode_rows([("2", "b")], 1)),
            Refused("IDEMPOTENCY_CONFLICT"),
            id="other rows",
        ),
        pytest.param(TWO_PAYLOADS, Refused("INVALID_ROW", {"got": "2"}), id="two payloads"),
        pytest.param(b"\x12" * (MAX_MESSAGE_BYTES + 1), Refused("TOO_LARGE"), id="over the limit"),
        pytest.param(
            pb.ExportRequest(finish=pb.Finish(expected_rows=7)).SerializeToString(),
            Refused("ROW_COUNT_MISMATCH", {"expected": "7", "got": "1"}),
            id="another row count",
        ),
    ],
)
async def test_bad_message_ends_the_call_and_then_the_task_with_its_code(
    client: ServiceCalls,
    call: "RowCall",
    make_metadata: MakeMetadata,
    remains: Remains,
    message: bytes,
    refused: Refused,
) -> None:
    await call.send(metadata=make_metadata())
    created = await call.created()
    await call.send_batch(BATCH)
    await call.ack(1)
    await call.send_bytes(message)
    error = await _refusal(call)
    assert error.code == refused.code
    assert refused.context.items() <= error.context.items()
    status = await _final_status(client, created.task_id)
    assert (status.status, status.error_code) == (pb.FAILED, refused.code)
    assert status.rows_received == 1
    assert remains() == []
    await _assert_service_goes_on(client, make_metadata)


async def test_idle_stream_ends_as_such(
    call: "RowCall",
    addresses: Addresses,
    connect_to: ConnectTo,
    make_metadata: MakeMetadata,
    remains: Remains,
) -> None:
    await call.send(metadata=make_metadata())
    created = await call.created()
    assert (await _refusal(call)).code == "STREAM_IDLE"
    async with connect_to(addresses) as client:
        status = await _final_status(client, created.task_id)
    assert (status.status, status.error_code) == (pb.FAILED, "STREAM_IDLE")
    assert remains() == []


async def test_stream_that_never_sends_a_message_ends_as_idle(
    call: "RowCall", addresses: Addresses, connect_to: ConnectTo, make_metadata: MakeMetadata
) -> None:
    assert (await _refusal(call)).code == "STREAM_IDLE"
    async with connect_to(addresses) as client:
        await _assert_service_goes_on(client, make_metadata)


async def test_client_that_vanishes_loses_its_stream(
    client: ServiceCalls,
    addresses: Addresses,
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    remains: Remains,
) -> None:
    async with open_call(addresses) as call:
        await call.send(metadata=make_metadata())
        created = await call.created()
        await call.send_batch(BATCH)
        await call.ack(1)
    status = await _final_status(client, created.task_id)
    assert (status.status, status.error_code) == (pb.FAILED, "STREAM_LOST")
    assert remains() == []
    await _assert_service_goes_on(client, make_metadata)


async def test_stream_that_broke_is_resumed_in_its_window(
    configure: "Configure",
    run_service: "RunService",
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
) -> None:
    async with run_service(configure()) as addresses:
        async with open_call(addresses) as call:
            await call.send(metadata=make_metadata(ack_every=2))
            created = await call.created()
            await call.send_batch(encode_rows([("1", "a", "too wide")], 1))
            assert (await _refusal(call)).code == "INVALID_ROW"
        async with open_call(addresses) as call:
            await call.send(resume=pb.Resume(task_id=created.task_id))
            assert (await call.created()).next_sequence == 1
            await call.send_batch(BATCH)
            await call.send_batch(encode_rows([("2", "b")], 2))
            assert (await call.ack(1)).batch_sequence == 2  # as often as the request asked
            await call.send(finish=pb.Finish(expected_rows=2))
            await call.end()
            assert (await call.result()).status == pb.COMPLETED


async def test_full_disk_refuses_the_batch_and_nothing_acknowledged_is_lost(
    configure: "Configure",
    run_service: "RunService",
    connect_to: ConnectTo,
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    disk_of_64_kib: Callable[[], AbstractAsyncContextManager[None]],
) -> None:
    async with run_service(configure()) as addresses, connect_to(addresses) as client:
        async with open_call(addresses) as call:
            await call.send(metadata=make_metadata())
            created = await call.created()
            await call.send_batch(BATCH)
            await call.ack(1)
            async with disk_of_64_kib():
                await call.send_batch(encode_rows([("2", "x" * 100_000)], 2))
                assert (await _refusal(call)).code == "DISK_FULL"
        status = await client.status(created.task_id)
        assert (status.rows_received, status.next_sequence) == (1, 2)
        async with open_call(addresses) as call:
            await call.send(resume=pb.Resume(task_id=created.task_id))
            await call.send_batch(encode_rows([("2", "b")], 2))
            await call.end()
            assert (await call.result()).record_count == 2
