"""What the spool promises and refuses, over gRPC: syncs before acks, bounds of the disk."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rowferry.client import RowferryError
from rowferry.client.service_calls import ServiceCalls
from rowferry.domain.spec import Column, DataType, ExportSpec, Format, Sheet
from rowferry.doors import Addresses
from rowferry.spool.core_log import CoreLog
from rowferry.spool.disk import DiskSpool
from rowferry.v1 import export_pb2 as pb
from tests.record_batches import encode_rows

if TYPE_CHECKING:
    from tests.integration.service.conftest import Configure, OpenCall, RowCall, RunService

MakeMetadata = Callable[..., pb.ExportMetadata]
ConnectTo = Callable[[Addresses], AbstractAsyncContextManager[ServiceCalls]]
MIB = 1 << 20
SPEC = ExportSpec(
    request_id="request",
    format=Format.CSV,
    filename="orders",
    sheets=(
        Sheet(
            name="Sheet1",
            columns=(Column(name="id", data_type=DataType.NUMBER), Column(name="name")),
        ),
    ),
)


def _batch(sequence: int, text: str = "a") -> bytes:
    return encode_rows([(str(sequence), text)], sequence)


async def _refusal(call: "RowCall") -> RowferryError:
    with pytest.raises(RowferryError) as caught:
        await call.result()
    return caught.value


@pytest.fixture
def synced_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of the log that are on the disk for sure, after every sync."""
    lengths: list[int] = []
    sync = CoreLog.sync

    def noted(log: CoreLog) -> None:
        before = log.file_bytes
        sync(log)
        lengths.append(before)

    monkeypatch.setattr(CoreLog, "sync", noted)
    return lengths


def _found_after_power_loss(log_file: Path, length: int, folder: Path) -> int:
    """Give the next batch that a service would ask for which finds so much of the log."""
    folder.mkdir()
    (folder / log_file.name).write_bytes(log_file.read_bytes()[:length])
    found = DiskSpool(folder).open(log_file.stem, SPEC)
    assert found is not None
    return found.next_sequence


async def test_no_ack_comes_before_the_sync_of_what_it_tells_of(
    configure: "Configure",
    run_service: "RunService",
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    synced_bytes: list[int],
    tmp_path: Path,
) -> None:
    config = configure(spool={"fsync": True})
    async with run_service(config) as addresses, open_call(addresses) as call:
        await call.send(metadata=make_metadata(ack_every=1))
        created = await call.created()
        log_file = config.spool_directory / f"{created.task_id}.rows"
        for sequence in range(1, 21):
            await call.send_batch(_batch(sequence))
            ack = await call.ack(sequence)
            folder = tmp_path / str(sequence)
            next_sequence = _found_after_power_loss(log_file, synced_bytes[-1], folder)
            assert next_sequence > ack.batch_sequence
        await call.end()
        assert (await call.result()).record_count == 20


async def test_without_the_promise_nothing_is_synced(
    call: "RowCall", make_metadata: MakeMetadata, synced_bytes: list[int]
) -> None:
    await call.send(metadata=make_metadata(ack_every=1))
    await call.created()
    await call.send_batch(_batch(1))
    await call.ack(1)
    await call.end()
    await call.result()
    assert len(synced_bytes) == 1  # when the log was made, where it does nothing


async def test_rows_past_the_bound_of_one_export_fail_it_for_good(
    configure: "Configure",
    run_service: "RunService",
    open_call: "OpenCall",
    connect_to: ConnectTo,
    make_metadata: MakeMetadata,
    remains: Callable[[], list[str]],
) -> None:
    config = configure(spool={"max_bytes_per_task": MIB})
    async with run_service(config) as addresses, connect_to(addresses) as client:
        async with open_call(addresses) as call:
            await call.send(metadata=make_metadata())
            created = await call.created()
            await call.send_batch(_batch(1, "x" * (MIB // 2)))
            await call.send_batch(_batch(2, "x" * (MIB // 2)))
            result = await call.result()
        assert (result.status, result.error_code) == (pb.FAILED, "TOO_LARGE")
        assert result.error_context == {"limit": str(MIB)}
        status = await client.status(created.task_id)
        assert (status.status, status.rows_received) == (pb.FAILED, 1)
        assert not status.HasField("next_attempt_time")
        assert remains() == []


async def test_rows_past_the_bound_of_all_exports_are_refused_until_there_is_room(
    configure: "Configure",
    run_service: "RunService",
    open_call: "OpenCall",
    connect_to: ConnectTo,
    make_metadata: MakeMetadata,
) -> None:
    config = configure(spool={"max_bytes": 2 * MIB})
    async with run_service(config) as addresses, connect_to(addresses) as client:
        async with open_call(addresses) as other:
            await other.send(metadata=make_metadata("another"))
            holder = await other.created()
            await other.send_batch(_batch(1, "x" * MIB))
            await other.ack(1)
            async with open_call(addresses) as call:
                await call.send(metadata=make_metadata())
                created = await call.created()
                await call.send_batch(_batch(1))
                await call.ack(1)
                await call.send_batch(_batch(2, "x" * MIB))
                refused = await _refusal(call)
            assert (refused.code, refused.context) == ("DISK_FULL", {"max_bytes": str(2 * MIB)})
        await client.cancel(holder.task_id)
        async with open_call(addresses) as call:
            await call.send(resume=pb.Resume(task_id=created.task_id))
            assert (await call.created()).next_sequence == 2
            await call.send_batch(_batch(2, "x" * MIB))
            await call.end()
            assert (await call.result()).record_count == 2


async def test_disk_without_room_takes_no_request(
    configure: "Configure",
    run_service: "RunService",
    open_call: "OpenCall",
    make_metadata: MakeMetadata,
    remains: Callable[[], list[str]],
) -> None:
    config = configure(storage={"min_free_bytes": 1 << 60})
    async with run_service(config) as addresses, open_call(addresses) as call:
        await call.send(metadata=make_metadata())
        refused = await _refusal(call)
        assert (refused.code, refused.context) == ("DISK_FULL", {"min_free_bytes": str(1 << 60)})
        assert remains() == []
