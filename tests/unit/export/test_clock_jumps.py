"""The time of day may jump: it decides when something is due, never whether it happens."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from trio.testing import MockClock

from rowferry.clock import utc_now
from rowferry.composition import Adapters
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import TaskState
from rowferry.export.live_task import LiveTask
from rowferry.export.scheduler import TICK_SECONDS
from tests.record_batches import Row
from tests.unit.export.in_memory import Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
ROWS: list[Row] = [("1", "a"), ("2", "b")]
HOURS = [timedelta(hours=-5), timedelta(hours=5)]


class Clocks:
    """The clock on the wall, which somebody sets, and the one that the service measures with."""

    def __init__(self, measuring: MockClock) -> None:
        self.off = timedelta()
        self.measuring = measuring

    def now(self) -> datetime:
        return utc_now() + self.off

    async def tick(self, site: Site) -> None:
        """Let the scheduler look once more."""
        await site.settled()
        self.measuring.jump(TICK_SECONDS)
        await site.settled()


@pytest.fixture
def clocks(mock_clock: MockClock) -> Clocks:
    return Clocks(mock_clock)


@pytest.fixture
def adapters(adapters: Adapters, clocks: Clocks) -> Adapters:
    return replace(adapters, now=clocks.now)


async def _failed_once(site: Site, spec: ExportSpec) -> LiveTask:
    error = RowferryError(ErrorCode.WRITE_FAILED, "It failed.")
    live = await site.push_to_failure(spec, ROWS, error)
    await site.settled()
    site.writers.failure = None
    return live


@pytest.mark.parametrize("jump", HOURS, ids=["back", "ahead"])
async def test_running_export_does_not_notice(
    make_site: MakeSite, make_spec: MakeSpec, clocks: Clocks, jump: timedelta
) -> None:
    site = make_site()
    site.writers.gate.close()
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.writers.gate.reached()
        clocks.off = jump
        clocks.measuring.jump(TICK_SECONDS)
        site.writers.gate.open()
        task = await site.ended(live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)


async def test_retry_is_due_at_once_when_the_clock_jumps_ahead(
    make_site: MakeSite, make_spec: MakeSpec, clocks: Clocks
) -> None:
    site = make_site(retry={"max_attempts": 2, "base_seconds": 3600.0})
    async with site.running():
        live = await _failed_once(site, make_spec())
        clocks.off = timedelta(hours=2)
        await clocks.tick(site)
        assert (await site.ended(live)).state is TaskState.COMPLETED


async def test_retry_is_late_and_not_lost_when_the_clock_jumps_back(
    make_site: MakeSite, make_spec: MakeSpec, clocks: Clocks
) -> None:
    site = make_site(retry={"max_attempts": 2, "base_seconds": 0.0})
    async with site.running():
        live = await _failed_once(site, make_spec())
        clocks.off = timedelta(hours=-1)
        await clocks.tick(site)
        assert live.task.awaits_retry
        clocks.off = timedelta()
        await clocks.tick(site)
        assert (await site.ended(live)).state is TaskState.COMPLETED


@pytest.mark.parametrize("jump", HOURS, ids=["back", "ahead"])
async def test_leases_are_of_the_stores_clock(
    make_site: MakeSite, make_spec: MakeSpec, clocks: Clocks, jump: timedelta
) -> None:
    site = make_site()
    async with site.running():
        with await site.open(make_spec()) as session:
            await site.settled()
            clocks.off = jump
            await clocks.tick(site)
            await session.end(0)
        task = await site.ended(session.live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)
