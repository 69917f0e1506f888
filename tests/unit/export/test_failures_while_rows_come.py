"""A run that fails while its client still sends: for good, or until the next attempt."""

from collections.abc import Callable

import pytest
from trio.testing import MockClock

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.spec import ExportSpec
from rowferry.domain.task import TaskState
from rowferry.export.scheduler import TICK_SECONDS
from rowferry.export.session import PushSession
from rowferry.ports import BatchMessage
from tests.record_batches import Row
from tests.unit.export.in_memory import Site

MakeSpec = Callable[..., ExportSpec]
MakeSite = Callable[..., Site]
Encode = Callable[..., list[BatchMessage]]
FIRST: list[Row] = [("1", "a"), ("2", "b")]
SECOND: list[Row] = [("3", "c")]
FORBIDDEN = RowferryError(ErrorCode.INVALID_ROW, "The options forbid this cell.", {"row": 2})
DISK_ERROR = RowferryError(ErrorCode.WRITE_FAILED, "The file could not be written.")


async def _send_until_it_fails(site: Site, session: PushSession, encode: Encode) -> None:
    with session.scope:
        await session.append(encode([FIRST]))
        await session.live.changed.wait_for(lambda: session.live.task.state is TaskState.FAILED)
    await site.settled()


async def test_final_failure_closes_the_stream_at_once(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    site.writers.failure = FORBIDDEN
    async with site.running():
        with await site.open(make_spec()) as session:
            await _send_until_it_fails(site, session, encode)
            assert session.scope.cancel_called
    task = await site.task(session.live)
    assert (task.state, task.error_code, task.is_final) == (TaskState.FAILED, "INVALID_ROW", True)
    assert task.rows_received == 2


async def test_resume_of_a_failed_task_is_told_its_own_code(
    site: Site, make_spec: MakeSpec, encode: Encode
) -> None:
    site.writers.failure = FORBIDDEN
    async with site.running():
        with await site.open(make_spec()) as session:
            await _send_until_it_fails(site, session, encode)
        with pytest.raises(RowferryError) as refused:
            await site.exports.intake.resume("shop", session.live.task.id)
    assert refused.value.code is ErrorCode.INVALID_STATE
    assert refused.value.context["error_code"] == "INVALID_ROW"


async def test_retryable_failure_leaves_the_stream_open(
    make_site: MakeSite, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    site = make_site(retry={"max_attempts": 4})
    site.writers.failure = DISK_ERROR
    async with site.running():
        with await site.open(make_spec()) as session:
            await _send_until_it_fails(site, session, encode)
            assert not session.scope.cancel_called
            appended = await session.append(encode([SECOND], start=2))
            assert (appended.last_sequence, appended.rows, appended.refused) == (2, 3, None)
            assert not session.live.task.is_final


async def test_next_attempt_reads_the_log_from_its_start(
    make_site: MakeSite, make_spec: MakeSpec, encode: Encode, mock_clock: MockClock
) -> None:
    site = make_site(retry={"max_attempts": 4, "base_seconds": 0})
    async with site.running():
        undisturbed = await site.ended(await site.push(make_spec("undisturbed"), FIRST, SECOND))
        site.writers.failure = DISK_ERROR
        with await site.open(make_spec("disturbed")) as session:
            await _send_until_it_fails(site, session, encode)
            site.writers.failure = None
            await session.append(encode([SECOND], start=2))
            await session.end(3)
            mock_clock.jump(TICK_SECONDS)
        task = await site.ended(session.live)
    assert (task.state, task.attempt, task.rows_written) == (TaskState.COMPLETED, 2, 3)
    assert task.sha256 == undisturbed.sha256
