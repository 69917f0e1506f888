"""The time of day may jump: it decides when something is due, never whether it happens."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from trio.testing import MockClock

from rowferry import composition
from rowferry.client.batches import Row
from rowferry.composition import utc_now
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import TaskState
from rowferry.export.scheduler import TICK_SECONDS
from tests.unit.export.in_memory import Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
ROWS: list[Row] = [("1", "a"), ("2", "b")]
HOURS = [timedelta(hours=-5), timedelta(hours=5)]


class TimeOfDay:
    """A clock on the wall that somebody sets."""

    def __init__(self) -> None:
        self.off = timedelta()

    def now(self) -> datetime:
        return utc_now() + self.off


@pytest.fixture
def time_of_day(monkeypatch: pytest.MonkeyPatch) -> TimeOfDay:
    clock = TimeOfDay()
    monkeypatch.setattr(composition, "utc_now", clock.now)
    return clock


async def _tick(site: Site, clock: MockClock) -> None:
    await site.settled()
    clock.jump(TICK_SECONDS)
    await site.settled()


@pytest.mark.parametrize("jump", HOURS, ids=["back", "ahead"])
async def test_running_export_does_not_notice(
    make_site: MakeSite,
    make_spec: MakeSpec,
    mock_clock: MockClock,
    time_of_day: TimeOfDay,
    jump: timedelta,
) -> None:
    site = make_site()
    site.writers.gate.close()
    async with site.running():
        live = await site.push(make_spec(), ROWS)
        await site.writers.gate.reached()
        time_of_day.off = jump
        mock_clock.jump(TICK_SECONDS)
        site.writers.gate.open()
        task = await site.ended(live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)


async def test_retry_is_due_at_once_when_the_clock_jumps_ahead(
    make_site: MakeSite, make_spec: MakeSpec, mock_clock: MockClock, time_of_day: TimeOfDay
) -> None:
    site = make_site(retry={"max_attempts": 2, "base_seconds": 3600.0})
    async with site.running():
        site.writers.failure = RowferryError(ErrorCode.WRITE_FAILED, "It failed.")
        live = await site.push(make_spec(), ROWS)
        await site.settled()
        site.writers.failure = None
        time_of_day.off = timedelta(hours=2)
        await _tick(site, mock_clock)
        assert (await site.ended(live)).state is TaskState.COMPLETED


async def test_retry_is_late_and_not_lost_when_the_clock_jumps_back(
    make_site: MakeSite, make_spec: MakeSpec, mock_clock: MockClock, time_of_day: TimeOfDay
) -> None:
    site = make_site(retry={"max_attempts": 2, "base_seconds": 0.0})
    async with site.running():
        site.writers.failure = RowferryError(ErrorCode.WRITE_FAILED, "It failed.")
        live = await site.push(make_spec(), ROWS)
        await site.settled()
        site.writers.failure = None
        time_of_day.off = timedelta(hours=-1)
        await _tick(site, mock_clock)
        assert live.task.awaits_retry
        time_of_day.off = timedelta()
        await _tick(site, mock_clock)
        assert (await site.ended(live)).state is TaskState.COMPLETED


@pytest.mark.parametrize("jump", HOURS, ids=["back", "ahead"])
async def test_leases_are_of_the_stores_clock(
    make_site: MakeSite,
    make_spec: MakeSpec,
    mock_clock: MockClock,
    time_of_day: TimeOfDay,
    jump: timedelta,
) -> None:
    site = make_site()
    async with site.running():
        with await site.open(make_spec()) as session:
            await site.settled()
            time_of_day.off = jump
            await _tick(site, mock_clock)
            await session.end(0)
        task = await site.ended(session.live)
    assert (task.state, task.attempt) == (TaskState.COMPLETED, 1)
