"""Bodies of rows and the whole service: held up, stopped, many at once."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.config import Config
from rowferry.doors import Addresses
from rowferry.telemetry.resources import resident_bytes
from tests.integration.service.http_upload import create, rows_arrive, uploading
from tests.integration.service.stalled_writer import stall_writers

if TYPE_CHECKING:
    from tests.integration.service.conftest import Configure, RunService

CSV = {"content-type": "text/csv"}
ROWS = b"1," + b"x" * 1000 + b"\n"
PIECE = ROWS * 250  # 250 KB
SEVERAL_BATCHES = PIECE * 4


async def test_stalled_writer_stops_the_socket_and_memory_stays_flat(
    configure: "Configure",
    run_service: "RunService",
    data_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stall = stall_writers(monkeypatch)
    sent = 0

    async def export(addresses: Addresses, answers: list[int]) -> None:
        nonlocal sent
        address = await create(addresses, "stalled")
        target = f"{address}?seq=1&finish=true&expected_rows=100000"
        async with uploading(addresses, target, CSV | {"prefer": "wait=60"}) as upload:
            for sent in range(1, 401):  # noqa: B007  100 MB in all
                await upload.send(PIECE)
                await stall.wait_until_reached()
            await upload.end()
            status, document = await upload.answer()
        answers += [status, document["rows_received"]]

    config = configure(spool={"max_lag_bytes": 1 << 20})
    async with run_service(config) as addresses:
        before_bytes = resident_bytes()
        answers: list[int] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(export, addresses, answers)
            await stall.wait_until_reached()
            await wait_all_tasks_blocked(cushion=0.5)  # or a slow disk; of 400 either way
            assert sent < 40
            (log_file,) = (data_directory / "spool").glob("*.rows")
            assert log_file.stat().st_size < 8 << 20
            stall.proceed.set()
        assert answers == [200, 100_000]
        assert resident_bytes() - before_bytes < 32 << 20


async def test_stopping_service_tells_how_far_a_body_came_and_goes_on_after_its_start(
    config: Config, run_service: "RunService"
) -> None:
    async with run_service(config) as addresses:
        address = await create(addresses, "stopped")
        connection = uploading(addresses, f"{address}?seq=1&finish=true", CSV)
        upload = await connection.__aenter__()
        await upload.send(SEVERAL_BATCHES)
        await rows_arrive(addresses, address)
    status, document = await upload.answer()
    assert (status, document["error"]["code"]) == (503, "SHUTTING_DOWN")
    kept_rows = int(document["error"]["context"]["rows_received"])
    assert 0 < kept_rows < 1000
    await connection.__aexit__(None, None, None)
    async with run_service(config) as addresses:
        target = f"{address}?seq=1&finish=true&expected_rows=1000"
        async with uploading(addresses, target, CSV | {"prefer": "wait=60"}) as upload:
            await upload.send(SEVERAL_BATCHES)
            await upload.end()
            status, document = await upload.answer()
    assert (status, document["status"], document["rows_received"]) == (200, "COMPLETED", 1000)


async def test_bodies_with_rows_of_megabytes_share_a_small_budget(
    configure: Callable[..., Config], run_service: "RunService"
) -> None:
    config = configure(server={"max_inflight_bytes": 1 << 20})
    long_row = b"2," + b"y" * (3 << 20) + b"\n"
    statuses: list[int] = []

    async def export(addresses: Addresses, number: int) -> None:
        address = await create(addresses, f"r{number}")
        target = f"{address}?seq=1&finish=true&expected_rows=1251"
        async with uploading(addresses, target, CSV) as upload:
            for piece in (SEVERAL_BATCHES, long_row[:100_000], long_row[100_000:], PIECE):
                await upload.send(piece)
            await upload.end()
            status, _ = await upload.answer()
        statuses.append(status)

    async with run_service(config) as addresses, trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(export, addresses, number)
    assert set(statuses) <= {200, 202}
    assert len(statuses) == 12
