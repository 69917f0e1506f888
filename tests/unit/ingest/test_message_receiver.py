"""What is waited for, and for how long: the client's silence, the service's memory."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.export.byte_budget import PATIENCE_SECONDS, ByteBudget
from rowferry.ingest.message_receiver import MessageReceiver
from tests.unit.ingest.memory_stream import STALL, MemoryStream

MIB = 1 << 20
IDLE_SECONDS = 300.0
BUDGET_BYTES = 4 * MIB  # 1.5 MiB for messages that are here, 2 MiB for those still to come


@pytest.fixture
async def budget() -> ByteBudget:
    return ByteBudget(BUDGET_BYTES)


async def _received(budget: ByteBudget, stream: MemoryStream, ended: list[object]) -> None:
    with budget.open_account() as account:
        try:
            ended.append(await MessageReceiver(stream.as_rows(), account, IDLE_SECONDS).receive())
        except RowferryError as error:
            ended.append(error.code)


@pytest.mark.parametrize("message", ["rows", STALL])
async def test_waiting_for_memory_is_not_the_silence_of_the_client(
    budget: ByteBudget, nursery: trio.Nursery, mock_clock: MockClock, message: str
) -> None:
    stream, ended = MemoryStream(), []  # type: tuple[MemoryStream, list[object]]
    with budget.open_account() as other:
        await other.acquire(3 * MIB // 2)
        await other.borrow(2 * MIB, lambda: 0, lambda: None)
        other.keep()
        stream.put(message, MIB)
        nursery.start_soon(_received, budget, stream, ended)
        for _ in range(3):
            await wait_all_tasks_blocked()
            mock_clock.jump(IDLE_SECONDS)
        await wait_all_tasks_blocked()
        assert ended == []
    await wait_all_tasks_blocked()
    mock_clock.jump(IDLE_SECONDS)
    await wait_all_tasks_blocked()
    assert ended == ["rows" if message == "rows" else ErrorCode.STREAM_IDLE]


async def test_message_that_is_here_is_not_called_back(
    budget: ByteBudget, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    stream = MemoryStream()
    with budget.open_account() as account:
        receiver = MessageReceiver(stream.as_rows(), account, IDLE_SECONDS)
        await receiver.admit_rest(2 * MIB, lambda: 0)
        stream.put("rows", 10)
        assert await receiver.receive() == "rows"
        nursery.start_soon(_received, budget, _stalling(MIB), [])
        await wait_all_tasks_blocked()
        mock_clock.jump(3 * PATIENCE_SECONDS)
        await wait_all_tasks_blocked()
        stream.put("more rows", 10)
        assert await receiver.receive() == "more rows"


async def test_call_back_between_two_receives_is_heard_by_the_next(
    budget: ByteBudget, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    with budget.open_account() as account:
        receiver = MessageReceiver(_stalling(2 * MIB).as_rows(), account, IDLE_SECONDS)
        with trio.move_on_after(PATIENCE_SECONDS) as interrupted:
            nursery.start_soon(_received, budget, _stalling(MIB), [])
            mock_clock.autojump_threshold = 0
            await receiver.receive()
        assert interrupted.cancelled_caught
        await trio.sleep(3 * PATIENCE_SECONDS)
        with pytest.raises(RowferryError) as raised:
            await receiver.receive()
        assert raised.value.code is ErrorCode.STREAM_IDLE
        nursery.cancel_scope.cancel()


def _stalling(size_bytes: int) -> MemoryStream:
    stream = MemoryStream()
    stream.put(STALL, size_bytes)
    return stream
