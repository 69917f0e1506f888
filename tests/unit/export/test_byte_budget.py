"""Bytes in flight are bounded, and whoever waits for some gets them in turn."""

import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.export.byte_budget import LARGE_BYTES, ByteAccount, ByteBudget

MIB = 1 << 20


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


async def test_large_pieces_do_not_hold_up_small_ones() -> None:
    budget = ByteBudget(8 * MIB)
    stalled, waiting = budget.open_account(), budget.open_account()
    await stalled.acquire(4 * MIB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, waiting, 2 * MIB, [], "waits")
        await wait_all_tasks_blocked()
        with trio.fail_after(1):
            await budget.open_account().acquire(LARGE_BYTES)
        nursery.cancel_scope.cancel()


async def test_no_sender_holds_up_the_reading_of_rows() -> None:
    budget = ByteBudget(8 * MIB)
    stalled = budget.open_account()
    for size in (MIB, MIB, MIB, 4 * MIB):
        await stalled.acquire(size)
    with trio.fail_after(1), budget.open_read_ahead() as reader:
        await reader.acquire(MIB)
    assert not stalled.can_hold_more()


async def test_piece_larger_than_its_half_takes_all_of_it() -> None:
    budget = ByteBudget(4 * MIB)
    account = budget.open_account()
    await account.acquire(16 * MIB)
    assert budget.used_bytes == 2 * MIB
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
