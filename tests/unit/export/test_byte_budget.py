"""Bytes in flight are bounded, and whoever waits for some gets them in turn."""

import math
from dataclasses import dataclass

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from rowferry.export.byte_budget import (
    LARGE_BYTES,
    LENT_SECONDS,
    PATIENCE_SECONDS,
    ByteAccount,
    ByteBudget,
)

MIB = 1 << 20


class Sender:
    """A client whose message comes as it is told to, and what the budget asks of it."""

    def __init__(self, budget: ByteBudget, client: str = "") -> None:
        self.account = budget.open_account(client)
        self.arrived_bytes = 0
        self.calls_back = 0

    async def borrow(self, size_bytes: int) -> None:
        """Borrow for a message of which nothing is here."""
        await self.account.borrow(size_bytes, lambda: self.arrived_bytes, self._call_back)

    def _call_back(self) -> None:
        self.calls_back += 1
        self.account.release()


async def _take(account: ByteAccount, size_bytes: int, taken: list[str], name: str) -> None:
    await account.acquire(size_bytes)
    taken.append(name)


async def test_budget_counts_what_is_held() -> None:
    budget = ByteBudget(8 * MIB)
    with budget.open_account() as account:
        await account.acquire(MIB)
        await account.acquire(2 * MIB)
        assert budget.used_bytes == 3 * MIB
    assert budget.used_bytes == 0


async def test_piece_that_does_not_fit_waits_for_a_release() -> None:
    budget = ByteBudget(8 * MIB // 3)  # 1 MiB for small pieces
    first, second = budget.open_account(), budget.open_account()
    await first.acquire(MIB)
    taken: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, second, 10, taken, "second")
        await wait_all_tasks_blocked()
        assert taken == []
        first.release()
    assert taken == ["second"]
    assert budget.used_bytes == 10


async def test_pieces_are_served_in_the_order_they_came() -> None:
    budget = ByteBudget(8 * MIB // 3)
    holder = budget.open_account()
    await holder.acquire(MIB)
    taken: list[str] = []
    async with trio.open_nursery() as nursery:
        for name, size in (("big", MIB), ("tiny", 1)):
            nursery.start_soon(_take, budget.open_account(), size, taken, name)
            await wait_all_tasks_blocked()
        holder.release()
        await wait_all_tasks_blocked()
        assert taken == ["big"]  # the tiny one fits earlier and waits all the same
        nursery.cancel_scope.cancel()


async def test_messages_still_to_come_do_not_hold_up_those_that_are_here(
    autojump_clock: object,
) -> None:
    budget = ByteBudget(8 * MIB)
    stalled, waiting = Sender(budget), Sender(budget)
    await stalled.borrow(4 * MIB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting.borrow, 2 * MIB)
        await wait_all_tasks_blocked()
        with trio.fail_after(1):
            await budget.open_account().acquire(LARGE_BYTES)
        nursery.cancel_scope.cancel()


async def test_no_sender_holds_up_the_reading_of_rows(autojump_clock: object) -> None:
    budget = ByteBudget(8 * MIB)
    stalled = budget.open_account()
    await stalled.acquire(3 * MIB)
    with trio.fail_after(1), budget.open_read_ahead() as reader:
        await reader.acquire(MIB)
    assert not stalled.can_hold_more()


async def test_piece_larger_than_its_share_takes_all_of_it() -> None:
    budget = ByteBudget(4 * MIB)
    account = budget.open_account()
    await account.acquire(16 * MIB)
    assert budget.used_bytes == 3 * MIB // 2
    account.release()
    assert budget.used_bytes == 0


async def test_waiting_piece_that_is_cancelled_lets_the_next_one_in() -> None:
    budget = ByteBudget(16 * MIB // 3)  # 2 MiB for small pieces
    holder = budget.open_account()
    await holder.acquire(MIB)
    await holder.acquire(MIB // 2)
    taken: list[str] = []
    async with trio.open_nursery() as nursery:
        too_big = trio.CancelScope()

        async def wait_in_vain() -> None:
            with too_big:
                await budget.open_account().acquire(MIB)

        nursery.start_soon(wait_in_vain)
        await wait_all_tasks_blocked()
        nursery.start_soon(_take, budget.open_account(), 10, taken, "next")
        await wait_all_tasks_blocked()
        too_big.cancel()
    assert taken == ["next"]


async def test_piece_that_is_cancelled_as_it_is_granted_gives_it_back() -> None:
    budget = ByteBudget(8 * MIB // 3)
    holder = budget.open_account()
    await holder.acquire(MIB)
    scope = trio.CancelScope()

    async def wait() -> None:
        with scope:
            await budget.open_account().acquire(MIB)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        scope.cancel()
        holder.release()
    assert budget.used_bytes == 0


async def test_who_holds_bytes_is_told_not_to_wait_for_more() -> None:
    budget = ByteBudget(16 * MIB // 3)
    account, other = budget.open_account(), budget.open_account()
    await account.acquire(MIB)
    assert account.can_hold_more()
    await other.acquire(10)
    assert not account.can_hold_more()


async def test_release_gives_back_only_once() -> None:
    budget = ByteBudget(4 * MIB)
    account = budget.open_account()
    await account.acquire(MIB)
    account.release()
    account.release()
    assert budget.used_bytes == 0


# Loans.


async def test_loan_that_stalls_goes_to_whoever_waits(autojump_clock: object) -> None:
    budget = ByteBudget(2 * MIB)
    stalled, next_one = Sender(budget), Sender(budget)
    await stalled.borrow(MIB)
    await trio.sleep(1000)
    assert stalled.calls_back == 0  # nobody waits
    await next_one.borrow(MIB)
    assert (stalled.calls_back, next_one.calls_back) == (1, 0)
    assert trio.current_time() < 1000 + 2 * PATIENCE_SECONDS


async def test_loan_whose_message_comes_is_waited_for(autojump_clock: object) -> None:
    budget = ByteBudget(2 * MIB)
    slow, next_one = Sender(budget), Sender(budget)
    await slow.borrow(MIB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(next_one.borrow, MIB)
        while slow.arrived_bytes < MIB:
            await trio.sleep(PATIENCE_SECONDS / 10)
            slow.arrived_bytes += int(1.5 * MIB / LENT_SECONDS * PATIENCE_SECONDS / 10)
        slow.account.keep()
        await trio.sleep(10 * LENT_SECONDS)  # its rows are appended, which no client delays
        assert slow.calls_back == 0
        slow.account.release()


async def test_loan_that_drips_is_called_back(autojump_clock: object) -> None:
    budget = ByteBudget(2 * MIB)
    dripping, next_one = Sender(budget), Sender(budget)
    await dripping.borrow(MIB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(next_one.borrow, MIB)
        while not dripping.calls_back:
            await trio.sleep(PATIENCE_SECONDS / 10)
            dripping.arrived_bytes += 10
    assert trio.current_time() < 3 * PATIENCE_SECONDS


async def test_everybody_in_line_gets_a_turn_however_many_stall(autojump_clock: object) -> None:
    budget = ByteBudget(4 * MIB)
    stalled = [Sender(budget) for _ in range(40)]
    last = Sender(budget)
    async with trio.open_nursery() as nursery:
        for each in stalled:
            nursery.start_soon(each.borrow, MIB)
        await wait_all_tasks_blocked()
        nursery.start_soon(last.borrow, MIB)
    assert [each.calls_back for each in stalled[:38]] == [1] * 38
    assert trio.current_time() <= 2 * PATIENCE_SECONDS * 20


async def test_client_waits_for_no_line_of_another_one(autojump_clock: object) -> None:
    budget = ByteBudget(4 * MIB)
    stalled = [Sender(budget, "crowd") for _ in range(40)]
    honest = Sender(budget, "honest")
    async with trio.open_nursery() as nursery:
        for each in stalled:
            nursery.start_soon(each.borrow, 2 * MIB)
        await wait_all_tasks_blocked()
        await honest.borrow(2 * MIB)
        assert trio.current_time() <= 2 * 2 * PATIENCE_SECONDS  # two of the crowd were before it
        assert sum(each.calls_back for each in stalled) <= 2
        nursery.cancel_scope.cancel()


async def test_clients_take_turns() -> None:
    budget = ByteBudget(8 * MIB // 3)
    holder = budget.open_account("first")
    await holder.acquire(MIB)
    taken: list[str] = []
    async with trio.open_nursery() as nursery:
        for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
            account = budget.open_account(name[0])
            nursery.start_soon(_take, account, MIB // 4, taken, name)
            await wait_all_tasks_blocked()
        holder.release()
        await wait_all_tasks_blocked()
        assert sorted(taken) == ["a1", "a2", "b1", "c1"]
        nursery.cancel_scope.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One of a sender's: ``share`` of it comes before the sender stalls, in so many seconds."""

    client: str
    size_bytes: int
    begins_seconds: float
    comes_in_seconds: float
    stalls: bool
    appends_in_seconds: float


MESSAGES = st.lists(
    st.builds(
        Message,
        client=st.sampled_from("abc"),
        size_bytes=st.integers(1, 9 * MIB),
        begins_seconds=st.floats(0, 20),
        comes_in_seconds=st.floats(0, LENT_SECONDS / 3),
        stalls=st.booleans(),
        appends_in_seconds=st.floats(0, 0.5),
    ),
    max_size=25,
)


@given(messages=MESSAGES, total_bytes=st.integers(MIB, 16 * MIB))
def test_budget_is_kept_and_whoever_does_not_stall_is_served(
    messages: list[Message], total_bytes: int
) -> None:
    """Never above the bound; honest senders get through while others hold on for ever."""
    budget = ByteBudget(total_bytes)
    served: list[Message] = []

    async def send(message: Message) -> None:
        await trio.sleep(message.begins_seconds)
        began = math.inf
        scope = trio.CancelScope()

        def arrived_bytes() -> int:
            share = (trio.current_time() - began) / max(message.comes_in_seconds, 0.001)
            return int(message.size_bytes * max(0.0, min(share, 0.5 if message.stalls else 1.0)))

        with budget.open_account(message.client) as account, scope:
            if message.size_bytes > LARGE_BYTES or message.stalls:
                await account.borrow(message.size_bytes, arrived_bytes, scope.cancel)
            began = trio.current_time()
            assert budget.used_bytes <= total_bytes
            await trio.sleep(math.inf if message.stalls else message.comes_in_seconds)
            account.keep()
            if message.size_bytes <= LARGE_BYTES:
                await account.acquire(message.size_bytes)
            assert budget.used_bytes <= total_bytes
            await trio.sleep(message.appends_in_seconds)
            served.append(message)

    async def send_all() -> None:
        with trio.move_on_after(100_000):
            async with trio.open_nursery() as nursery:
                for message in messages:
                    nursery.start_soon(send, message)

    trio.run(send_all, clock=MockClock(autojump_threshold=0))
    assert sorted(map(id, served)) == sorted(id(each) for each in messages if not each.stalls)
    assert budget.used_bytes == 0
