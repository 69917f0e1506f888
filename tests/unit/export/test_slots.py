"""So many at once; who gave its slot back while silent returns ahead of the line."""

import trio
from trio.testing import wait_all_tasks_blocked

from rowferry.export.signal import Signal
from rowferry.export.slots import HeldSlot, Slots, take_slot


async def _take_again(slot: HeldSlot, order: list[str]) -> None:
    await slot.take_again()
    order.append("returned")


async def _take(slots: Slots, order: list[str]) -> None:
    await take_slot(slots)
    order.append("newcomer")


async def test_there_are_as_many_slots_as_the_limiter_has() -> None:
    slots = Slots(trio.CapacityLimiter(2))
    await take_slot(slots)
    await take_slot(slots)
    assert (slots.in_use, slots.total) == (2, 2)
    with trio.move_on_after(0) as scope:
        await take_slot(slots)
    assert scope.cancelled_caught


async def test_released_slot_goes_to_who_waits() -> None:
    slots = Slots(trio.CapacityLimiter(1))
    held = await take_slot(slots)
    order: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, slots, order)
        await wait_all_tasks_blocked()
        assert order == []
        held.release()
    assert order == ["newcomer"]


async def test_returning_task_goes_ahead_of_a_newcomer_that_waits_longer() -> None:
    slots = Slots(trio.CapacityLimiter(1))
    silent = await take_slot(slots)
    silent.release()
    busy = await take_slot(slots)
    order: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, slots, order)
        await wait_all_tasks_blocked()
        nursery.start_soon(_take_again, silent, order)
        await wait_all_tasks_blocked()
        busy.release()
        await wait_all_tasks_blocked()
        assert order == ["returned"]
        silent.release()
    assert order == ["returned", "newcomer"]


async def test_return_that_is_given_up_lets_the_newcomer_in() -> None:
    slots = Slots(trio.CapacityLimiter(1))
    silent = await take_slot(slots)
    silent.release()
    busy = await take_slot(slots)
    order: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, slots, order)
        with trio.move_on_after(0):
            await silent.take_again()
        busy.release()
    assert order == ["newcomer"]
    assert not silent.held


async def test_slot_is_released_and_taken_again_at_most_once() -> None:
    slots = Slots(trio.CapacityLimiter(1))
    slot = await take_slot(slots)
    await slot.take_again()
    assert slots.in_use == 1
    slot.release()
    slot.release()
    assert slots.in_use == 0


async def test_signal_wakes_all_who_wait_and_is_forgotten() -> None:
    signal = Signal()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await signal.wait()
        woken.append(number)

    signal.notify()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, 1)
        nursery.start_soon(wait, 2)
        await wait_all_tasks_blocked()
        assert woken == []
        signal.notify()
    assert sorted(woken) == [1, 2]


async def test_signal_is_waited_for_until_the_condition_holds() -> None:
    signal = Signal()
    reached: set[str] = set()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(signal.wait_for, lambda: "goal" in reached)
        await wait_all_tasks_blocked()
        signal.notify()
        await wait_all_tasks_blocked()
        assert nursery.child_tasks
        reached.add("goal")
        signal.notify()
